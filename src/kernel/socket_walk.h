// A walk over the TCP sockets of all network namespaces.
#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "kernel/bpf_iterator.h"
#include "kernel/network_namespaces.h"

namespace tcp_stats {

/// Walks with the program's `bpf_iter__tcp`. To look for namespaces takes longer than to walk through them: that is
/// done every `between_searches`, when one has gone, and when somebody asks for one.
class SocketWalk {
public:
    static constexpr std::chrono::seconds between_searches{10};

    explicit SocketWalk(BpfIterator sockets) : sockets_(std::move(sockets)) {}

    /// Walks the TCP sockets of every network namespace that is known. Returns the namespaces that were walked, by
    /// inode number. One that this process may not enter is not among them. Error: kernel_unsupported, when not even
    /// its own could be walked.
    Result<std::unordered_set<std::uint64_t>> walk();

    /// Looks for these namespaces and walks those that are found. Returns them. The others are not looked for again
    /// before the next search that is due.
    std::unordered_set<std::uint64_t> walk_others(std::unordered_set<std::uint64_t> wanted);

private:
    void search();
    bool walk_in(const NetworkNamespace &space) const;

    BpfIterator sockets_;
    std::vector<NetworkNamespace> others_; ///< all but this process's own
    std::uint64_t own_ = 0;
    std::chrono::steady_clock::time_point next_search_; ///< at first long ago
    std::unordered_set<std::uint64_t> not_found_;       ///< since the last search that was due
};

} // namespace tcp_stats
