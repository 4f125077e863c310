#include "compile/helper/handlers.h"

#include <algorithm>

namespace tcp_stats {
namespace {

/// One way in which a program says that a function is a handler.
struct HandlerForm {
    HandlerKind kind;
    const char *in_text; ///< the prefix of a name, or the macro that makes it
    bool is_macro;
    std::vector<const char *> in_object;
};

const std::vector<HandlerForm> handler_forms = {
    {HandlerKind::kprobe, "kprobe__", false, {"kprobe__"}},
    {HandlerKind::kretprobe, "kretprobe__", false, {"kretprobe__"}},
    {HandlerKind::fentry, "KFUNC_PROBE", true, {"kfunc__vmlinux__", "kfunc__"}},
    {HandlerKind::fexit, "KRETFUNC_PROBE", true, {"kretfunc__vmlinux__", "kretfunc__"}},
    {HandlerKind::raw_tracepoint, "RAW_TRACEPOINT_PROBE", true, {"raw_tracepoint__"}},
    {HandlerKind::tracepoint, "TRACEPOINT_PROBE", true, {"tracepoint__"}},
    {HandlerKind::iterator, "BPF_ITER", true, {"bpf_iter__"}},
    {HandlerKind::iterator, "bpf_iter__", false, {"bpf_iter__"}}, // the type of its context is called so too
};

std::vector<std::string> functions_of(const ProgramText &text, const HandlerForm &form) {
    return form.is_macro ? text.macro_handlers(form.in_text) : text.handlers(form.in_text);
}

} // namespace

std::vector<NamedHandler> handlers_named_in(const ProgramText &program) {
    std::vector<NamedHandler> handlers;
    const auto words = program.identifiers();
    for (const auto &form : handler_forms) {
        const auto word = words.lower_bound(form.in_text);
        if (word == words.end() || !word->starts_with(form.in_text)) {
            continue;
        }
        const auto own = functions_of(program.alone(), form);
        for (const auto &function : functions_of(program, form)) {
            if (std::any_of(handlers.begin(), handlers.end(), [&](const NamedHandler &one) {
                    return one.kind == form.kind && one.function == function;
                })) {
                continue;
            }
            NamedHandler handler{form.kind, function, {}, std::find(own.begin(), own.end(), function) == own.end()};
            for (const auto *prefix : form.in_object) {
                handler.names_in_object.push_back(prefix + function);
            }
            handlers.push_back(std::move(handler));
        }
    }
    return handlers;
}

} // namespace tcp_stats
