#include "kernel/hooks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <bcc/BPF.h>
#include <bpf/bpf.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/translate.h"
#include "kernel/captured_output.h"
#include "kernel/kernel_symbols.h"

namespace tcp_stats {
namespace {

enum class HookKind { kprobe, fentry, raw_tracepoint };

const char *to_string(HookKind kind) {
    switch (kind) {
    case HookKind::kprobe:
        return "kprobe";
    case HookKind::fentry:
        return "fentry";
    case HookKind::raw_tracepoint:
        return "raw tracepoint";
    }
    return "";
}

bpf_prog_type program_type(HookKind kind) {
    switch (kind) {
    case HookKind::kprobe:
        return BPF_PROG_TYPE_KPROBE;
    case HookKind::fentry:
        return BPF_PROG_TYPE_TRACING;
    case HookKind::raw_tracepoint:
        return BPF_PROG_TYPE_RAW_TRACEPOINT;
    }
    return BPF_PROG_TYPE_UNSPEC;
}

/// One way in which a program says that a function is a handler.
struct HandlerForm {
    HookKind kind;
    const char *in_text; ///< the prefix of a name, or the macro that makes it
    bool is_macro;
    std::vector<const char *> in_object; ///< what BCC makes of it, by version of BCC
    bpf_probe_attach_type at;
};

const std::vector<HandlerForm> handler_forms = {
    {HookKind::kprobe, "kprobe__", false, {"kprobe__"}, BPF_PROBE_ENTRY},
    {HookKind::kprobe, "kretprobe__", false, {"kretprobe__"}, BPF_PROBE_RETURN},
    {HookKind::fentry, "KFUNC_PROBE", true, {"kfunc__vmlinux__", "kfunc__"}, BPF_PROBE_ENTRY},
    {HookKind::fentry, "KRETFUNC_PROBE", true, {"kretfunc__vmlinux__", "kretfunc__"}, BPF_PROBE_RETURN},
    {HookKind::raw_tracepoint, "RAW_TRACEPOINT_PROBE", true, {"raw_tracepoint__"}, BPF_PROBE_ENTRY},
};

/// Tracepoints are attached to whatever the mechanism for functions is.
bool is_wanted(HookKind kind, AttachMechanism mechanism) {
    return kind == HookKind::raw_tracepoint ||
           kind == (mechanism == AttachMechanism::kprobe ? HookKind::kprobe : HookKind::fentry);
}

/// A handler that the compiled program has.
struct Hook {
    HookKind kind;
    std::string function; ///< of the kernel, or its tracepoint
    std::string handler;  ///< name in the compiled program
    bpf_probe_attach_type at;
    int fd;
};

Error cannot_attach(const Hook &hook, int error_number, const std::string &words) {
    if (hook.kind == HookKind::raw_tracepoint) {
        return {ErrorKind::kernel_unsupported,
                tr("cannot attach to the tracepoint {}: {}; use a --src without RAW_TRACEPOINT_PROBE({})",
                   hook.function, std::strerror(error_number), hook.function),
                words};
    }
    const auto symbol = look_up_symbol(hook.function);
    if (!symbol.exists) {
        const auto why = symbol.clone.empty() ? tr("no such function in this kernel ({})", running_kernel_release())
                                              : tr("this kernel ({}) has only the compiler's special copy {}",
                                                   running_kernel_release(), symbol.clone);
        return {ErrorKind::kernel_unsupported,
                tr("cannot attach {} to {}: {}; use a --src without {}", to_string(hook.kind), hook.function, why,
                   hook.handler),
                words};
    }
    const auto *other = hook.kind == HookKind::kprobe ? "fentry" : "kprobe";
    return {error_number == EPERM || error_number == EACCES ? ErrorKind::no_privilege : ErrorKind::kernel_unsupported,
            tr("cannot attach {} to {}: {}; try --attach {}", to_string(hook.kind), hook.function,
               std::strerror(error_number), other),
            words};
}

/// Loads the handler, if the program has it: true, false, or why not.
Result<bool> load(Program &program, Hook &hook) {
    const auto loaded = program.load(hook.handler, program_type(hook.kind));
    if (loaded) {
        hook.fd = loaded->value_or(-1);
        return loaded->has_value();
    }
    const auto &failure = loaded.error();
    if (failure.is_refusal() || failure.error_number == EPERM) {
        return tl::unexpected(failure.as_error(program.text(), hook.handler));
    }
    // A fentry program is bound to its function when it is loaded.
    return tl::unexpected(cannot_attach(hook, failure.error_number, failure.log));
}

std::vector<std::string> handlers_of(const ProgramText &text, const HandlerForm &form) {
    return form.is_macro ? text.macro_handlers(form.in_text) : text.handlers(form.in_text);
}

Result<std::vector<Hook>> load_hooks(Program &program, AttachMechanism mechanism) {
    std::vector<Hook> hooks;
    for (const auto &form : handler_forms) {
        if (!is_wanted(form.kind, mechanism)) {
            continue;
        }
        for (const auto &function : handlers_of(program.text(), form)) {
            bool found = false;
            for (const auto *prefix : form.in_object) {
                Hook hook{form.kind, function, prefix + function, form.at, -1};
                const auto loaded = load(program, hook);
                if (!loaded) {
                    return tl::unexpected(loaded.error());
                }
                if (*loaded) {
                    hooks.push_back(hook);
                    found = true;
                    break;
                }
            }
            if (!found && program.text().included.find(function) != std::string::npos) {
                spdlog::warn(tr("the handler for {} is not attached: BCC takes handlers only from {} itself, not from "
                                "files that it includes",
                                function, program.text().name));
            }
        }
    }
    if (!program.text().macro_handlers("TRACEPOINT_PROBE").empty()) {
        spdlog::warn(tr("{} has handlers made with TRACEPOINT_PROBE; they are not attached, use RAW_TRACEPOINT_PROBE",
                        program.text().name));
    }
    const bool any_function =
        std::any_of(hooks.begin(), hooks.end(), [](const Hook &hook) { return hook.kind != HookKind::raw_tracepoint; });
    bool for_the_other = false;
    for (const auto &form : handler_forms) {
        if (is_wanted(form.kind, mechanism)) {
            continue;
        }
        for (const auto &function : handlers_of(program.text(), form)) {
            for_the_other = true;
            if (any_function &&
                std::none_of(hooks.begin(), hooks.end(), [&](const Hook &hook) { return hook.function == function; })) {
                spdlog::warn(tr("the handler of {} for {} is not attached: it is a {} handler, and the mechanism is {}",
                                program.text().name, function, to_string(form.kind), to_string(mechanism)));
            }
        }
    }
    if (hooks.empty() || (!any_function && for_the_other)) {
        const bool kprobe = mechanism == AttachMechanism::kprobe;
        const auto *example = kprobe ? "kprobe__tcp_sendmsg" : "KFUNC_PROBE(tcp_sendmsg, struct sock *sk, ...)";
        return fail(ErrorKind::program_rejected,
                    tr("{} has no handler for {}; name one {}, or try --attach {}", program.text().name,
                       to_string(mechanism), example, kprobe ? "fentry" : "kprobe"));
    }
    return hooks;
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
        CapturedOutput capture;
        errno = 0;
        bool attached = false;
        if (hook.kind == HookKind::kprobe) {
            if (auto probe = Kprobe::attach(hook.function, hook.at == BPF_PROBE_RETURN, hook.fd)) {
                hooks.kprobes_.push_back(std::move(*probe));
                attached = true;
            }
        } else if (const int link = hook.kind == HookKind::fentry
                                        ? bpf_attach_kfunc(hook.fd)
                                        : bpf_attach_raw_tracepoint(hook.fd, hook.function.c_str());
                   link >= 0) {
            hooks.links_.push_back(link);
            attached = true;
        }
        const int error_number = errno;
        const auto words = capture.finish();
        if (!attached) {
            return tl::unexpected(cannot_attach(hook, error_number, words));
        }
        hooks.programs_.push_back(hook.fd);
        spdlog::debug(tr("{} attached to {} with {}", hook.handler, hook.function, to_string(hook.kind)));
    }
    return hooks;
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

Hooks::Hooks(Hooks &&) noexcept = default;

Hooks::~Hooks() {
    for (const int link : links_) {
        close(link);
    }
}

} // namespace tcp_stats
