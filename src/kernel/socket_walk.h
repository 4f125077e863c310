// BPF iterators: the kernel calls a function of the program for every socket, or every open file.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

#include "base/error.h"
#include "kernel/program.h"

namespace tcp_stats {

/// The function `bpf_iter__TARGET` of a program, loaded.
class Iterator {
public:
    /// Nothing where the program has no such function. Errors: program_rejected with the verifier's log,
    /// kernel_unsupported.
    static Result<std::optional<Iterator>> load(Program &program, const std::string &target);

    Iterator(Iterator &&other) noexcept;
    Iterator &operator=(Iterator &&other) noexcept;
    ~Iterator();

    /// One walk, from the first object to the last, as the calling thread's namespaces have them.
    /// 0 or a negative errno.
    int run() const;

private:
    explicit Iterator(int link_fd) : link_fd_(link_fd) {}

    int link_fd_;
};

/// Walks the TCP sockets of every network namespace, with the program's `bpf_iter__tcp`.
/// Returns the namespaces that were walked, by inode number. One that this process may not enter, or that has
/// gone, is not among them. Error: kernel_unsupported, when not even its own could be walked.
Result<std::unordered_set<std::uint64_t>> walk_sockets(const Iterator &sockets);

} // namespace tcp_stats
