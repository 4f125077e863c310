// The table of hooks: which handlers of the program go to which kernel functions, and how.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/choices.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "kernel/kprobe.h"
#include "kernel/program.h"

namespace tcp_stats {

enum class AttachMechanism { kprobe, fentry };

std::string to_string(AttachMechanism mechanism);

/// Whether the kernel has kprobes that go with the process that opened them (the kprobe PMU, Linux
/// 4.17). The older way, through tracefs, would leave a probe behind after a kill -9.
bool kernel_has_kprobes();

/// The mechanism for this kernel: kprobes where it has them, else fentry (Linux 5.5, with BTF).
/// Error: kernel_unsupported, where the kernel lacks what was asked for, or both.
Result<AttachMechanism> choose_mechanism(AttachChoice choice);

/// The definition that makes the built-in program fit `mechanism`; empty for kprobes.
std::vector<std::string> definitions_for(AttachMechanism mechanism);

/// Attached handlers. All of them are detached when this goes, and by the kernel when the process
/// ends in any way.
class Hooks {
public:
    /// Loads and attaches every handler that `program` has for `mechanism`: `kprobe__FUNCTION`,
    /// `kretprobe__FUNCTION`, or KFUNC_PROBE(FUNCTION, …), KRETFUNC_PROBE(FUNCTION, …); and RAW_TRACEPOINT_PROBE(NAME)
    /// with either.
    /// They are attached in the order of the text, those at entry before those at return. If one fails, all are taken
    /// back. Errors: program_rejected with the verifier's log; kernel_unsupported where a function cannot be attached
    /// to; no_privilege.
    static Result<Hooks> attach(Program &program, AttachMechanism mechanism);

    /// How often a handler was not called although its function was: the CPU was in another handler (kprobes, Linux
    /// 6.7 and later tell), or in the same (fentry, Linux 5.12 and later tell).
    std::uint64_t missed() const;

    /// Whether the kernel tells this process that, as it is now.
    bool may_be_asked() const;

private:
    Hooks() = default;

    std::vector<Kprobe> kprobes_;
    std::vector<Descriptor> links_; ///< closing one detaches
    std::vector<int> programs_;     ///< descriptors, the Program's
};

} // namespace tcp_stats
