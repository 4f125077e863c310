#include "compile/helper/recorded_calls.h"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <utility>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tcp_stats {
namespace {

RecordedCalls *recorder = nullptr; ///< null: calls go to the kernel

/// An address in an attribute of bpf(2).
template <typename T> T *at(std::uint64_t address) {
    return reinterpret_cast<T *>(address); // NOLINT(performance-no-int-to-ptr): the kernel's way to pass pointers
}

Bytes bytes_at(std::uint64_t address, std::size_t size) {
    const auto *first = at<const unsigned char>(address);
    return {first, first + size};
}

DebugRecords records_at(std::uint64_t address, std::uint32_t size, std::uint32_t count) {
    return address == 0 ? DebugRecords() : DebugRecords{bytes_at(address, std::size_t(size) * count), size, count};
}

int stand_in() { return open("/dev/null", O_RDWR | O_CLOEXEC); }

long failed(int error_number) {
    errno = error_number;
    return -1;
}

} // namespace

RecordedCalls::RecordedCalls() { recorder = this; }
RecordedCalls::~RecordedCalls() { recorder = nullptr; }

void RecordedCalls::refuse_programs(int error_number, std::string log) {
    refusal_ = error_number;
    refusal_log_ = std::move(log);
}

long RecordedCalls::call(int command, bpf_attr &attributes) {
    switch (command) {
    case BPF_MAP_CREATE:
        return create_map(attributes);
    case BPF_PROG_LOAD:
        return load_program(attributes);
    case BPF_BTF_LOAD: {
        const int fd = stand_in();
        btf_[fd] = bytes_at(attributes.btf, attributes.btf_size);
        return fd;
    }
    case BPF_OBJ_GET: // whoever loads the program looks
        return failed(ENOENT);
    case BPF_OBJ_PIN:
        for (auto &map : maps_) {
            if (map.fd == static_cast<int>(attributes.bpf_fd)) {
                map.pinned_at = at<const char>(attributes.pathname);
                return 0;
            }
        }
        return failed(EBADF);
    default:
        return failed(ENOSYS);
    }
}

long RecordedCalls::create_map(const bpf_attr &attributes) {
    const int fd = stand_in();
    maps_.push_back({fd, attributes, {}});
    return fd;
}

long RecordedCalls::load_program(bpf_attr &attributes) {
    if (refusal_ != 0) {
        auto *log = at<char>(attributes.log_buf);
        if (attributes.log_level != 0 && log != nullptr) {
            if (attributes.log_size <= refusal_log_.size()) {
                return failed(ENOSPC);
            }
            std::strcpy(log, refusal_log_.c_str()); // NOLINT(clang-analyzer-security.insecureAPI.strcpy): there is room
        }
        return failed(refusal_);
    }
    const auto *first = at<const bpf_insn>(attributes.insns);
    RecordedProgram program;
    program.name = std::string(attributes.prog_name, strnlen(attributes.prog_name, sizeof(attributes.prog_name)));
    program.license = at<const char>(attributes.license);
    program.instructions.assign(first, first + attributes.insn_cnt);
    program.btf_fd = static_cast<int>(attributes.prog_btf_fd);
    program.functions = records_at(attributes.func_info, attributes.func_info_rec_size, attributes.func_info_cnt);
    program.lines = records_at(attributes.line_info, attributes.line_info_rec_size, attributes.line_info_cnt);
    const int fd = stand_in();
    programs_[fd] = std::move(program);
    return fd;
}

} // namespace tcp_stats

/// In place of libc's, for this program and the libraries it is linked with.
// NOLINTNEXTLINE(cert-dcl50-cpp): libc's has any number of arguments too
extern "C" long syscall(long number, ...) {
    va_list rest;
    va_start(rest, number);
    long arguments[6];
    for (auto &argument : arguments) {
        argument = va_arg(rest, long);
    }
    va_end(rest);
    if (number == SYS_bpf && tcp_stats::recorder != nullptr) {
        // Of an older or newer libbpf it may be shorter or longer.
        bpf_attr attributes{};
        std::memcpy(&attributes, tcp_stats::at<const void>(static_cast<std::uint64_t>(arguments[1])),
                    std::min(sizeof(attributes), static_cast<std::size_t>(arguments[2])));
        const auto result = tcp_stats::recorder->call(static_cast<int>(arguments[0]), attributes);
        if (result >= 0 || (errno != ENOSYS)) {
            return result;
        }
    }
    using Syscall = long (*)(long, ...);
    static const auto libc = reinterpret_cast<Syscall>(dlsym(RTLD_NEXT, "syscall"));
    return libc(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
