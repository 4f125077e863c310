// A walk over the TCP sockets of all network namespaces.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "base/error.h"
#include "kernel/bpf_iterator.h"

namespace tcp_stats {

/// Walks the TCP sockets of every network namespace, with the program's `bpf_iter__tcp`.
/// Returns the namespaces that were walked, by inode number. One that this process may not enter, or that has
/// gone, is not among them. Error: kernel_unsupported, when not even its own could be walked.
Result<std::unordered_set<std::uint64_t>> walk_sockets(const BpfIterator &sockets);

} // namespace tcp_stats
