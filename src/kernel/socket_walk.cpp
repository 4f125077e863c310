#include "kernel/socket_walk.h"

#include <cstring>

#include "base/translate.h"

namespace tcp_stats {

Result<std::unordered_set<std::uint64_t>> SocketWalk::walk() {
    const auto now = std::chrono::steady_clock::now();
    const bool due = now >= next_search_;
    if (due) {
        search();
        next_search_ = now + between_searches;
        not_found_.clear();
    }
    if (const int result = sockets_.run(); result != 0) {
        return fail(
            ErrorKind::kernel_unsupported,
            tr("cannot walk the TCP sockets (bpf_iter__tcp): {}; use a --src without it", std::strerror(-result)));
    }
    std::unordered_set<std::uint64_t> walked = {own_};
    const auto is_barred = [&](const NetworkNamespace &space) {
        const bool done = walked.contains(space.inode) || walk_in(space);
        if (done) {
            walked.insert(space.inode);
        }
        return !done;
    };
    // The process that led to it may have ended, and others lead there still.
    if (std::erase_if(others_, is_barred) != 0 && !due) {
        search();
        std::erase_if(others_, is_barred);
    }
    return walked;
}

std::unordered_set<std::uint64_t> SocketWalk::walk_others(std::unordered_set<std::uint64_t> wanted) {
    std::unordered_set<std::uint64_t> walked;
    std::erase_if(wanted, [&](std::uint64_t inode) { return not_found_.contains(inode); });
    if (wanted.empty()) {
        return walked;
    }
    search();
    for (const auto &space : others_) {
        if (wanted.contains(space.inode) && walk_in(space)) {
            walked.insert(space.inode);
        }
    }
    for (const auto inode : wanted) {
        if (!walked.contains(inode)) {
            not_found_.insert(inode);
        }
    }
    return walked;
}

void SocketWalk::search() {
    others_ = network_namespaces();
    if (!others_.empty()) {
        own_ = others_.front().inode;
        others_.erase(others_.begin());
    }
}

bool SocketWalk::walk_in(const NetworkNamespace &space) const {
    const NamespaceVisit visit(space.path);
    // The kernel walks one hash for all namespaces, and passes over the sockets of the others: where there are none to
    // be found, that is for nothing.
    return visit.entered() && visit.inode() == space.inode && (!has_tcp_sockets() || sockets_.run() == 0);
}

} // namespace tcp_stats
