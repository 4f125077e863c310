#include "kernel/socket_walk.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <bcc/BPF.h>
#include <unistd.h>

#include "base/translate.h"
#include "kernel/captured_output.h"
#include "kernel/network_namespaces.h"

namespace tcp_stats {

Result<std::optional<Iterator>> Iterator::load(Program &program, const std::string &target) {
    const auto handler = "bpf_iter__" + target;
    const auto loaded = program.load(handler, BPF_PROG_TYPE_TRACING);
    if (!loaded) {
        return tl::unexpected(loaded.error().as_error(program.text(), handler));
    }
    if (!*loaded) {
        return std::optional<Iterator>();
    }
    CapturedOutput capture;
    errno = 0;
    const int link = bcc_iter_attach(**loaded, nullptr, 0);
    const int error_number = errno;
    const auto words = capture.finish();
    if (link < 0) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("cannot attach {} of {}: {}; use a --src without it", handler, program.text().name,
                       std::strerror(error_number)),
                    words);
    }
    return std::optional(Iterator(link));
}

Iterator::Iterator(Iterator &&other) noexcept : link_fd_(std::exchange(other.link_fd_, -1)) {}

Iterator &Iterator::operator=(Iterator &&other) noexcept {
    std::swap(link_fd_, other.link_fd_);
    return *this;
}

Iterator::~Iterator() {
    if (link_fd_ >= 0) {
        close(link_fd_);
    }
}

int Iterator::run() const {
    const int walk = bcc_iter_create(link_fd_);
    if (walk < 0) {
        return -errno;
    }
    // The program writes nothing; a read walks on until the end, or, after a million objects, says EAGAIN.
    std::array<char, 4096> nothing{};
    ssize_t count = 0;
    do {
        count = read(walk, nothing.data(), nothing.size());
    } while (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)));
    const int error_number = errno;
    close(walk);
    return count < 0 ? -error_number : 0;
}

Result<std::unordered_set<std::uint64_t>> walk_sockets(const Iterator &sockets) {
    std::unordered_set<std::uint64_t> walked;
    int own_result = 0;
    bool own = true;
    for (const auto &space : network_namespaces()) {
        if (own) {
            own = false;
            own_result = sockets.run();
            if (own_result == 0) {
                walked.insert(space.inode);
            }
        } else if (const NamespaceVisit visit(space.path); visit.entered() && sockets.run() == 0) {
            walked.insert(visit.inode());
        }
    }
    if (own_result != 0) {
        return fail(
            ErrorKind::kernel_unsupported,
            tr("cannot walk the TCP sockets (bpf_iter__tcp): {}; use a --src without it", std::strerror(-own_result)));
    }
    return walked;
}

} // namespace tcp_stats
