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
    const auto walk_known = [&] {
        for (auto &other : others_) {
            const auto inode = other.space.inode;
            if (began_ns.contains(inode) && !walked.contains(inode) && walk_in(other)) {
                walked.insert(inode);
            }
        }
    };
    walk_known();
    const auto searched = static_cast<std::uint64_t>(last_search_.time_since_epoch() / std::chrono::nanoseconds(1));
    if (std::any_of(began_ns.begin(), began_ns.end(),
                    [&](const auto &one) { return one.second > searched && !walked.contains(one.first); })) {
        search();
        walk_known();
    }
    return walked;
}

void SocketWalk::search() {
    last_search_ = std::chrono::steady_clock::now();
    others_.clear();
    for (auto &space : network_namespaces()) {
        others_.push_back({std::move(space)});
    }
    if (!others_.empty()) {
        own_ = others_.front().space.inode;
        others_.erase(others_.begin());
    }
}

bool SocketWalk::walk_and_forget(std::unordered_set<std::uint64_t> &walked) {
    return std::erase_if(others_, [&](Other &other) {
               const auto inode = other.space.inode;
               if (walked.contains(inode) || (records_tell_ && !other.had_sockets)) {
                   return false;
               }
               const bool done = walk_in(other);
               if (done) {
                   walked.insert(inode);
               }
               return !done;
           }) > 0;
}

bool SocketWalk::walk_in(Other &other) const {
    const NamespaceVisit visit(other.space.path);
    if (!visit.entered() || visit.inode() != other.space.inode) {
        return false;
    }
    // The kernel walks one hash for all namespaces, and passes over the sockets of the others: where there are none to
    // be found, that is for nothing.
    other.had_sockets = has_tcp_sockets();
    return !other.had_sockets || sockets_.run() == 0;
}

} // namespace tcp_stats
