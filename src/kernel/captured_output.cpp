#include "kernel/captured_output.h"

#include <cstdio>
#include <iostream>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace tcp_stats {
namespace {

void flush_all() {
    std::cout.flush();
    std::cerr.flush();
    std::fflush(stdout);
    std::fflush(stderr);
}

} // namespace

CapturedOutput::CapturedOutput()
    : memory_fd_(memfd_create("captured_output", MFD_CLOEXEC)), saved_stdout_(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)),
      saved_stderr_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    if (memory_fd_ < 0) {
        return;
    }
    flush_all();
    dup2(memory_fd_, STDOUT_FILENO);
    dup2(memory_fd_, STDERR_FILENO);
}

CapturedOutput::~CapturedOutput() { restore(); }

std::string CapturedOutput::finish() {
    if (memory_fd_ < 0) {
        return {};
    }
    flush_all();
    std::string text(static_cast<std::size_t>(lseek(memory_fd_, 0, SEEK_END)), '\0');
    const auto count = pread(memory_fd_, text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    restore();
    text.erase(text.find_last_not_of(" \n") + 1);
    return text;
}

void CapturedOutput::restore() {
    if (memory_fd_ < 0) {
        return;
    }
    flush_all();
    // A descriptor that was closed before stays closed.
    for (const auto &[saved, original] :
         {std::pair(saved_stdout_, STDOUT_FILENO), std::pair(saved_stderr_, STDERR_FILENO)}) {
        if (saved >= 0) {
            dup2(saved, original);
            close(saved);
        } else {
            close(original);
        }
    }
    close(memory_fd_);
    memory_fd_ = -1;
}

} // namespace tcp_stats
