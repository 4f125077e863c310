// The table of hooks: which handlers of the program go to which kernel functions, and how.
#pragma once

#include <string>
#include <vector>

#include "base/choices.h"
#include "base/error.h"
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
    /// `kretprobe__FUNCTION`, or KFUNC_PROBE(FUNCTION, …), KRETFUNC_PROBE(FUNCTION, …).
    /// They are attached in the order of the text, those at entry before those at return. If one fails, all are taken
    /// back. Errors: program_rejected with the verifier's log; kernel_unsupported where a function cannot be attached
    /// to; no_privilege.
    static Result<Hooks> attach(Program &program, AttachMechanism mechanism);

    Hooks(Hooks &&) noexcept;
    Hooks &operator=(Hooks &&) = delete;
    ~Hooks();

private:
    explicit Hooks(Program &program) : program_(&program) {}

    struct Probe {
        std::string function;
        bool at_return;
    };

    Program *program_; ///< null when moved from
    std::vector<Probe> kprobes_;
    std::vector<int> fentry_links_; ///< file descriptors; closing one detaches
};

} // namespace tcp_stats
