#include "kernel/socket_walk.h"

#include <algorithm>
#include <cstring>

#include "base/translate.h"

namespace tcp_stats {

Result<std::unordered_set<std::uint64_t>> SocketWalk::walk() {
    const bool mounted = mounts_.any();
    const bool due = mounted || std::chrono::steady_clock::now() >= last_search_ + between_searches;
    if (due) {
        search();
    }
    if (const int result = sockets_.run(); result != 0) {
        return fail(
            ErrorKind::kernel_unsupported,
            tr("cannot walk the TCP sockets (bpf_iter__tcp): {}; use a --src without it", std::strerror(-result)));
    }
    std::unordered_set<std::uint64_t> walked = {own_};
    // The process that led to a namespace may have ended, and others lead there still.
    if (walk_and_forget(walked) && !due) {
        search();
        walk_and_forget(walked);
    }
    return walked;
}

std::unordered_set<std::uint64_t>
SocketWalk::walk_others(const std::unordered_map<std::uint64_t, std::uint64_t> &began_ns) {
    std::unordered_set<std::uint64_t> walked;
    const auto searched = static_cast<std::uint64_t>(last_search_.time_since_epoch() / std::chrono::nanoseconds(1));
    const auto is_new = [&](const auto &one) { return one.second > searched; };
    if (std::none_of(began_ns.begin(), began_ns.end(), is_new)) {
        return walked;
    }
    search();
    for (const auto &space : others_) {
        if (began_ns.contains(space.inode) && walk_in(space)) {
            walked.insert(space.inode);
        }
    }
    return walked;
}

void SocketWalk::search() {
    last_search_ = std::chrono::steady_clock::now();
    others_ = network_namespaces();
    if (!others_.empty()) {
        own_ = others_.front().inode;
        others_.erase(others_.begin());
    }
}

bool SocketWalk::walk_and_forget(std::unordered_set<std::uint64_t> &walked) {
    std::vector<NetworkNamespace> known;
    for (auto &space : others_) {
        if (walked.contains(space.inode) || walk_in(space)) {
            walked.insert(space.inode);
            known.push_back(std::move(space));
        }
    }
    const bool forgotten = known.size() < others_.size();
    others_ = std::move(known);
    return forgotten;
}

bool SocketWalk::walk_in(const NetworkNamespace &space) const {
    const NamespaceVisit visit(space.path);
    // The kernel walks one hash for all namespaces, and passes over the sockets of the others: where there are none to
    // be found, that is for nothing.
    return visit.entered() && visit.inode() == space.inode && (!has_tcp_sockets() || sockets_.run() == 0);
}

} // namespace tcp_stats
