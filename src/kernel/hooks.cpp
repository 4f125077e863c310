#include "kernel/hooks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <bpf/bpf.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/running_kernel.h"
#include "base/translate.h"
#include "kernel/kernel_symbols.h"
#include "kernel/refusal.h"

namespace tcp_stats {
namespace {

const char *to_string(HandlerKind kind) {
    switch (kind) {
    case HandlerKind::kprobe:
    case HandlerKind::kretprobe:
        return "kprobe";
    case HandlerKind::fentry:
    case HandlerKind::fexit:
        return "fentry";
    case HandlerKind::raw_tracepoint:
        return "raw tracepoint";
    case HandlerKind::tracepoint:
        return "tracepoint";
    case HandlerKind::iterator:
        return "iterator";
    }
    return "";
}

/// Raw tracepoints are attached to whatever the mechanism for functions is.
bool is_wanted(HandlerKind kind, AttachMechanism mechanism) {
    switch (kind) {
    case HandlerKind::kprobe:
    case HandlerKind::kretprobe:
        return mechanism == AttachMechanism::kprobe;
    case HandlerKind::fentry:
    case HandlerKind::fexit:
        return mechanism == AttachMechanism::fentry;
    case HandlerKind::raw_tracepoint:
        return true;
    case HandlerKind::tracepoint:
    case HandlerKind::iterator:
        break;
    }
    return false;
}

/// Whether it would be attached with the other mechanism.
bool is_for_the_other(HandlerKind kind, AttachMechanism mechanism) {
    const auto other = mechanism == AttachMechanism::kprobe ? AttachMechanism::fentry : AttachMechanism::kprobe;
    return !is_wanted(kind, mechanism) && is_wanted(kind, other);
}

/// A handler that is loaded.
struct Hook {
    const Handler *handler;
    int fd;
};

Error cannot_attach(const Handler &handler, int error_number, const std::string &words) {
    const auto &function = handler.function;
    if (handler.kind == HandlerKind::raw_tracepoint) {
        return {ErrorKind::kernel_unsupported,
                tr("cannot attach to the tracepoint {}: {}; use a --src without RAW_TRACEPOINT_PROBE({})", function,
                   std::strerror(error_number), function),
                words};
    }
    const auto symbol = look_up_symbol(function);
    if (!symbol.exists) {
        const auto why = symbol.clone.empty() ? tr("no such function in this kernel ({})", running_kernel_release())
                                              : tr("this kernel ({}) has only the compiler's special copy {}",
                                                   running_kernel_release(), symbol.clone);
        return {ErrorKind::kernel_unsupported,
                tr("cannot attach {} to {}: {}; use a --src without {}", to_string(handler.kind), function, why,
                   handler.name),
                words};
    }
    const bool is_kprobe = handler.kind == HandlerKind::kprobe || handler.kind == HandlerKind::kretprobe;
    if (!is_kprobe && error_number == EBUSY && system_limits().ftrace_off) { // before Linux 6.0
        return {ErrorKind::kernel_unsupported,
                tr("cannot attach {} to {}: kernel.ftrace_enabled is 0; set it to 1 (sysctl), or try --attach kprobe",
                   to_string(handler.kind), function),
                words};
    }
    return {error_number == EPERM || error_number == EACCES ? ErrorKind::no_privilege : ErrorKind::kernel_unsupported,
            tr("cannot attach {} to {}: {}; try --attach {}", to_string(handler.kind), function,
               std::strerror(error_number), is_kprobe ? "fentry" : "kprobe"),
            words};
}

Result<Hook> load(Program &program, const Handler &handler) {
    // A fentry program is bound to its function when it is loaded.
    const bool is_bound = handler.kind == HandlerKind::fentry || handler.kind == HandlerKind::fexit;
    if (is_bound && handler.attach_btf_id == 0) {
        return tl::unexpected(
            cannot_attach(handler, ENOENT, fmt::format("bpf: {} is not found in vmlinux BTF\n", handler.function)));
    }
    const auto loaded = program.load(handler);
    if (loaded) {
        return Hook{&handler, *loaded};
    }
    const auto &failure = loaded.error();
    if (failure.is_refusal() || failure.error_number == EPERM) {
        return tl::unexpected(program.error_of(failure, handler));
    }
    return tl::unexpected(cannot_attach(handler, failure.error_number, program.words_of(failure)));
}

/// Says which handlers that the text names are not attached, and why. A definition may have left out what it names.
void warn_of_the_rest(const CompiledProgram &program, AttachMechanism mechanism, bool any_function) {
    bool has_tracepoints = false;
    for (const auto &handler : program.handlers) {
        has_tracepoints = has_tracepoints || handler.kind == HandlerKind::tracepoint;
        if (is_wanted(handler.kind, mechanism) && handler.instructions.empty() && handler.only_in_included_file) {
            spdlog::warn(tr("the handler for {} is not attached: BCC takes handlers only from {} itself, not from "
                            "files that it includes",
                            handler.function, program.name));
        }
    }
    if (has_tracepoints) {
        spdlog::warn(tr("{} has handlers made with TRACEPOINT_PROBE; they are not attached, use RAW_TRACEPOINT_PROBE",
                        program.name));
    }
    for (const auto &handler : program.handlers) {
        const bool replaced = std::any_of(program.handlers.begin(), program.handlers.end(), [&](const Handler &other) {
            return other.function == handler.function && is_wanted(other.kind, mechanism);
        });
        if (any_function && !replaced && is_for_the_other(handler.kind, mechanism)) {
            spdlog::warn(tr("the handler of {} for {} is not attached: it is a {} handler, and the mechanism is {}",
                            program.name, handler.function, to_string(handler.kind), to_string(mechanism)));
        }
    }
}

Result<std::vector<Hook>> load_hooks(Program &program, AttachMechanism mechanism) {
    const auto &compiled = program.compiled();
    std::vector<Hook> hooks;
    for (const auto &handler : compiled.handlers) {
        if (is_wanted(handler.kind, mechanism) && !handler.instructions.empty()) {
            auto hook = load(program, handler);
            if (!hook) {
                return tl::unexpected(hook.error());
            }
            hooks.push_back(*hook);
        }
    }
    const bool any_function = std::any_of(
        hooks.begin(), hooks.end(), [](const Hook &hook) { return hook.handler->kind != HandlerKind::raw_tracepoint; });
    warn_of_the_rest(compiled, mechanism, any_function);
    const bool any_for_the_other =
        std::any_of(compiled.handlers.begin(), compiled.handlers.end(),
                    [&](const Handler &handler) { return is_for_the_other(handler.kind, mechanism); });
    if (hooks.empty() || (!any_function && any_for_the_other)) {
        const bool kprobe = mechanism == AttachMechanism::kprobe;
        const auto *example = kprobe ? "kprobe__tcp_sendmsg" : "KFUNC_PROBE(tcp_sendmsg, struct sock *sk, ...)";
        return fail(ErrorKind::program_rejected,
                    tr("{} has no handler for {}; name one {}, or try --attach {}", program.name(),
                       to_string(mechanism), example, kprobe ? "fentry" : "kprobe"));
    }
    return hooks;
}

/// The descriptor of the link of a handler that is no kprobe, or -1 and errno.
int link_to(const Hook &hook) {
    const bool is_tracepoint = hook.handler->kind == HandlerKind::raw_tracepoint;
    return bpf_raw_tracepoint_open(is_tracepoint ? hook.handler->function.c_str() : nullptr, hook.fd);
}

} // namespace

std::string to_string(AttachMechanism mechanism) { return mechanism == AttachMechanism::kprobe ? "kprobe" : "fentry"; }

bool kernel_has_kprobes() { return access(Kprobe::pmu, R_OK) == 0; }

Result<AttachMechanism> choose_mechanism(AttachChoice choice) {
    if (choice == AttachChoice::fentry || (choice == AttachChoice::automatic && !kernel_has_kprobes())) {
        if (!kernel_has_btf()) {
            return fail(ErrorKind::kernel_unsupported,
                        choice == AttachChoice::fentry
                            ? tr("cannot attach with fentry: this kernel ({}) has no BTF (CONFIG_DEBUG_INFO_BTF); "
                                 "try --attach kprobe",
                                 running_kernel_release())
                            : tr("this kernel ({}) has neither kprobes (CONFIG_KPROBES, perf's kprobe PMU) nor BTF for "
                                 "fentry; run a kernel that has one of them",
                                 running_kernel_release()));
        }
        if (choice == AttachChoice::automatic) {
            spdlog::warn(tr("this kernel ({}) has no kprobes ({} is missing); attaching with fentry",
                            running_kernel_release(), Kprobe::pmu));
        }
        return AttachMechanism::fentry;
    }
    if (!kernel_has_kprobes()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("cannot attach kprobes: this kernel ({}) has none ({} is missing); try --attach fentry",
                       running_kernel_release(), Kprobe::pmu));
    }
    return AttachMechanism::kprobe;
}

std::vector<std::string> definitions_for(AttachMechanism mechanism) {
    return mechanism == AttachMechanism::fentry ? std::vector<std::string>{"ATTACH_FENTRY"}
                                                : std::vector<std::string>{};
}

Result<Hooks> Hooks::attach(Program &program, AttachMechanism mechanism) {
    const auto loaded = load_hooks(program, mechanism);
    if (!loaded) {
        return tl::unexpected(loaded.error());
    }
    Hooks hooks;
    for (const auto &hook : *loaded) {
        const auto &handler = *hook.handler;
        if (handler.kind == HandlerKind::kprobe || handler.kind == HandlerKind::kretprobe) {
            auto probe = Kprobe::attach(handler.function, handler.kind == HandlerKind::kretprobe, hook.fd);
            if (!probe) {
                return tl::unexpected(cannot_attach(handler, errno, ""));
            }
            hooks.kprobes_.push_back(std::move(*probe));
        } else {
            Descriptor link(link_to(hook));
            if (!link) {
                const int error_number = errno;
                return tl::unexpected(cannot_attach(
                    handler, error_number,
                    fmt::format("bpf_attach_raw_tracepoint ({}): {}", handler.function, std::strerror(error_number))));
            }
            hooks.links_.push_back(std::move(link));
        }
        hooks.programs_.push_back(hook.fd);
        spdlog::debug(tr("{} attached to {} with {}", handler.name, handler.function, to_string(handler.kind)));
    }
    return hooks;
}

bool Hooks::may_be_asked() const {
    return std::all_of(programs_.begin(), programs_.end(), [](int program) {
        bpf_prog_info info{};
        auto size = static_cast<__u32>(sizeof(info));
        return bpf_obj_get_info_by_fd(program, &info, &size) != -EPERM;
    });
}

std::uint64_t Hooks::missed() const {
    std::uint64_t count = 0;
    for (const int program : programs_) {
        bpf_prog_info info{};
        auto size = static_cast<__u32>(sizeof(info));
        if (bpf_obj_get_info_by_fd(program, &info, &size) == 0) {
            count += info.recursion_misses;
        }
    }
    for (const auto &probe : kprobes_) {
        count += probe.missed();
    }
    return count;
}

} // namespace tcp_stats
