#include "kernel/hooks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <bcc/BPF.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/translate.h"
#include "kernel/captured_output.h"
#include "kernel/verifier_log.h"

namespace tcp_stats {
namespace {

constexpr const char *kprobe_pmu = "/sys/bus/event_source/devices/kprobe/type";

/// One way in which a program says that a function is a handler.
struct HandlerForm {
    AttachMechanism mechanism;
    const char *in_text; ///< the prefix of a name, or the macro that makes it
    bool is_macro;
    std::vector<const char *> in_object; ///< what BCC makes of it, by version of BCC
    bpf_probe_attach_type at;
};

const std::vector<HandlerForm> handler_forms = {
    {AttachMechanism::kprobe, "kprobe__", false, {"kprobe__"}, BPF_PROBE_ENTRY},
    {AttachMechanism::kprobe, "kretprobe__", false, {"kretprobe__"}, BPF_PROBE_RETURN},
    {AttachMechanism::fentry, "KFUNC_PROBE", true, {"kfunc__vmlinux__", "kfunc__"}, BPF_PROBE_ENTRY},
    {AttachMechanism::fentry, "KRETFUNC_PROBE", true, {"kretfunc__vmlinux__", "kretfunc__"}, BPF_PROBE_RETURN},
};

/// A handler that the compiled program has.
struct Hook {
    std::string function; ///< of the kernel
    std::string handler;  ///< name in the compiled program
    bpf_probe_attach_type at;
    int fd;
};

/// Whether the kernel has `function`, and else the name of a special copy that the compiler made of it
/// (`f.isra.0`), if there is one.
struct KernelSymbol {
    bool exists = false;
    std::string clone;
};

KernelSymbol look_up(const std::string &function) {
    KernelSymbol found;
    std::ifstream symbols("/proc/kallsyms");
    for (std::string line; std::getline(symbols, line) && !found.exists;) {
        std::istringstream words(line);
        std::string address;
        std::string type;
        std::string name;
        words >> address >> type >> name;
        found.exists = name == function;
        if (name.starts_with(function + ".")) {
            found.clone = name;
        }
    }
    return found;
}

Error cannot_attach(const Hook &hook, AttachMechanism mechanism, int error_number, const std::string &words) {
    const auto symbol = look_up(hook.function);
    if (!symbol.exists) {
        const auto why = symbol.clone.empty() ? tr("no such function in this kernel ({})", running_kernel_release())
                                              : tr("this kernel ({}) has only the compiler's special copy {}",
                                                   running_kernel_release(), symbol.clone);
        return {ErrorKind::kernel_unsupported,
                tr("cannot attach {} to {}: {}; use a --src without {}", to_string(mechanism), hook.function, why,
                   hook.handler),
                words};
    }
    const auto *other = mechanism == AttachMechanism::kprobe ? "fentry" : "kprobe";
    return {error_number == EPERM || error_number == EACCES ? ErrorKind::no_privilege : ErrorKind::kernel_unsupported,
            tr("cannot attach {} to {}: {}; try --attach {}", to_string(mechanism), hook.function,
               std::strerror(error_number), other),
            words};
}

Error cannot_load(const ProgramText &text, const Hook &hook, AttachMechanism mechanism, int error_number,
                  const std::string &words) {
    const auto log = tidy_verifier_log(words);
    if (const auto summary = verifier_summary(log); !summary.empty()) {
        return {ErrorKind::program_rejected,
                tr("the verifier refuses {} of {}: {}; its log follows", hook.handler, text.name, summary), log};
    }
    if (error_number == EPERM) {
        return {ErrorKind::kernel_unsupported,
                tr("this kernel ({}) refuses tracing programs, even with every privilege (bpf: {}); a lockdown or a "
                   "security policy forbids them",
                   running_kernel_release(), std::strerror(error_number)),
                log};
    }
    // A fentry program is bound to its function when it is loaded.
    return cannot_attach(hook, mechanism, error_number, log);
}

/// Loads the handler, if the program has it: true, false, or the verifier's refusal.
Result<bool> load(Program &program, AttachMechanism mechanism, Hook &hook) {
    const auto type = mechanism == AttachMechanism::kprobe ? BPF_PROG_TYPE_KPROBE : BPF_PROG_TYPE_TRACING;
    CapturedOutput capture;
    errno = 0;
    const auto status = program.bpf().load_func(hook.handler, type, hook.fd);
    const int error_number = errno;
    const auto words = capture.finish();
    if (status.ok()) {
        if (!words.empty()) {
            spdlog::debug("BCC: {}", words);
        }
        return true;
    }
    if (status.msg().find("Can't find start of function") != std::string::npos) {
        return false;
    }
    return tl::unexpected(cannot_load(program.text(), hook, mechanism, error_number, words));
}

Result<std::vector<Hook>> load_hooks(Program &program, AttachMechanism mechanism) {
    std::vector<Hook> hooks;
    for (const auto &form : handler_forms) {
        if (form.mechanism != mechanism) {
            continue;
        }
        for (const auto &function :
             form.is_macro ? program.text().macro_handlers(form.in_text) : program.text().handlers(form.in_text)) {
            bool found = false;
            for (const auto *prefix : form.in_object) {
                Hook hook{function, prefix + function, form.at, -1};
                const auto loaded = load(program, mechanism, hook);
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
    for (const auto *macro : {"TRACEPOINT_PROBE", "RAW_TRACEPOINT_PROBE"}) {
        if (!program.text().macro_handlers(macro).empty()) {
            spdlog::warn(tr("{} has handlers made with {}; they are not attached, only kprobe and fentry are",
                            program.text().name, macro));
        }
    }
    if (hooks.empty()) {
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

bool kernel_has_kprobes() { return access(kprobe_pmu, R_OK) == 0; }

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
                            running_kernel_release(), kprobe_pmu));
        }
        return AttachMechanism::fentry;
    }
    if (!kernel_has_kprobes()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("cannot attach kprobes: this kernel ({}) has none ({} is missing); try --attach fentry",
                       running_kernel_release(), kprobe_pmu));
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
    Hooks hooks(program);
    for (const auto &hook : *loaded) {
        CapturedOutput capture;
        errno = 0;
        bool attached = false;
        if (mechanism == AttachMechanism::kprobe) {
            attached = program.bpf().attach_kprobe(hook.function, hook.handler, 0, hook.at).ok();
            if (attached) {
                hooks.kprobes_.push_back({hook.function, hook.at == BPF_PROBE_RETURN});
            }
        } else if (const int link = bpf_attach_kfunc(hook.fd); link >= 0) {
            hooks.fentry_links_.push_back(link);
            attached = true;
        }
        const int error_number = errno;
        const auto words = capture.finish();
        if (!attached) {
            return tl::unexpected(cannot_attach(hook, mechanism, error_number, words));
        }
        spdlog::debug(tr("{} attached to {} with {}", hook.handler, hook.function, to_string(mechanism)));
    }
    return hooks;
}

Hooks::Hooks(Hooks &&other) noexcept
    : program_(std::exchange(other.program_, nullptr)), kprobes_(std::move(other.kprobes_)),
      fentry_links_(std::move(other.fentry_links_)) {}

Hooks::~Hooks() {
    if (program_ == nullptr) {
        return;
    }
    for (const int link : fentry_links_) {
        close(link);
    }
    CapturedOutput capture;
    for (const auto &probe : kprobes_) {
        program_->bpf().detach_kprobe(probe.function, probe.at_return ? BPF_PROBE_RETURN : BPF_PROBE_ENTRY);
    }
    if (const auto words = capture.finish(); !words.empty()) {
        spdlog::debug("BCC: {}", words);
    }
}

} // namespace tcp_stats
