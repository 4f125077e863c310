// A walk over the TCP sockets of all network namespaces.
#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "kernel/bpf_iterator.h"
#include "kernel/mounts.h"
#include "kernel/network_namespaces.h"

namespace tcp_stats {

/// Walks with the program's `bpf_iter__tcp`. To look for namespaces takes longer than to walk through them: that is
/// done every `between_searches`, when something was mounted, when a namespace has gone, and for a connection that
/// began in an unknown one. So is to see whether one has TCP sockets: one that had none is walked again when that is
/// looked for, or a connection began there.
class SocketWalk {
public:
    static constexpr std::chrono::seconds between_searches{10};

    /// `records_tell`: each connection gets a record when it begins, and nothing else is to be found. Else a namespace
    /// that had no TCP sockets is looked at for each walk.
    SocketWalk(BpfIterator sockets, bool records_tell) : sockets_(std::move(sockets)), records_tell_(records_tell) {}

    /// Walks the TCP sockets of every network namespace that is known to have some. Returns the namespaces that were
    /// walked, by inode number. One that this process may not enter is not among them. Error: kernel_unsupported, when
    /// not even its own could be walked.
    Result<std::unordered_set<std::uint64_t>> walk();

    /// Namespaces that were not walked, by inode number, and when the newest connection there began (CLOCK_MONOTONIC,
    /// ns). Known ones are walked. Where another's is later than the last search, they are looked for, and those that
    /// are found are walked. Returns those that were walked.
    std::unordered_set<std::uint64_t> walk_others(const std::unordered_map<std::uint64_t, std::uint64_t> &began_ns);

    /// Whether the kernel lets this process walk, as it is now.
    bool may_walk() const { return sockets_.may_run(); }

private:
    struct Other {
        NetworkNamespace space;
        bool had_sockets = true; ///< when it was last looked at
    };

    void search();
    /// Walks those of `others_` that are not in `walked` and had sockets, and adds them; forgets those that could not
    /// be walked. Whether there were any.
    bool walk_and_forget(std::unordered_set<std::uint64_t> &walked);
    bool walk_in(Other &other) const;

    BpfIterator sockets_;
    bool records_tell_;
    MountChanges mounts_;
    std::vector<Other> others_; ///< all but this process's own
    std::uint64_t own_ = 0;
    std::chrono::steady_clock::time_point last_search_; ///< at first long ago
};

} // namespace tcp_stats
