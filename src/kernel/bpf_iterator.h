// A BPF iterator: the kernel calls a function of the program for every object of a kind.
#pragma once

#include <optional>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"
#include "kernel/program.h"

namespace tcp_stats {

/// The function `bpf_iter__TARGET` of a program, loaded.
class BpfIterator {
public:
    /// Nothing where the program has no such function. Errors: program_rejected with the verifier's log,
    /// kernel_unsupported.
    static Result<std::optional<BpfIterator>> load(Program &program, const std::string &target);

    /// Whether the kernel lets this process walk, as it is now. No object is walked to.
    bool may_run() const;

    /// One walk, from the first object to the last, as the calling thread's namespaces have them.
    /// 0 or a negative errno.
    int run() const;

private:
    explicit BpfIterator(Descriptor link) : link_(std::move(link)) {}

    Descriptor link_;
};

} // namespace tcp_stats
