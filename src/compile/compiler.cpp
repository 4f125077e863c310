#include "compile/compiler.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/running_kernel.h"
#include "base/translate.h"
#include "compile/diagnostics.h"
#include "compile/helper_process.h"
#include "compile/packed.h"
#include "compile/private_directory.h"
#include "compile/program_cache.h"
#include "version.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

/// With headers, in emulation, it takes minutes.
constexpr std::chrono::minutes longest_compile{15};
constexpr std::chrono::seconds longest_answer{60}; ///< to what needs no compile

/// What BCC finds headers by.
constexpr std::array environment = {"BCC_KERNEL_SOURCE", "BCC_KERNEL_MODULES_SUFFIX", "BCC_LINUX_VERSION_CODE", "ARCH"};

std::string variable(const char *name) {
    const char *value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// Where BCC would find the running kernel's headers: a directory for each way.
std::vector<fs::path> header_places() {
    if (const auto named = variable("BCC_KERNEL_SOURCE"); !named.empty()) {
        return {named};
    }
    const auto modules = fs::path("/lib/modules") / running_kernel_release();
    return {modules / "source", modules / "build"};
}

const std::string packed_headers = "/sys/kernel/kheaders.tar.xz";

bool has_tree_of_headers() {
    const auto places = header_places();
    return std::any_of(places.begin(), places.end(), [](const fs::path &place) {
        std::error_code error;
        return fs::exists(place / "include/linux/kconfig.h", error);
    });
}

bool kernel_headers_installed() {
    std::error_code error;
    return has_tree_of_headers() || (variable("BCC_KERNEL_SOURCE").empty() && fs::exists(packed_headers, error));
}

/// What changes when the headers are replaced.
std::string identity_of_headers() {
    std::string identity;
    for (const auto &place : header_places()) {
        for (const auto *file : {"include/linux/kconfig.h", "include/generated/autoconf.h"}) {
            const auto stamp = stamp_of((place / file).string());
            identity += fmt::format("{} {} {}\n", stamp.path, stamp.size, stamp.changed_ns);
        }
    }
    return identity;
}

std::vector<TypeSource> sources_to_try(KernelTypesChoice choice) {
    switch (choice) {
    case KernelTypesChoice::btf:
        return {TypeSource::btf, TypeSource::whole_btf};
    case KernelTypesChoice::headers:
        return {TypeSource::headers};
    case KernelTypesChoice::automatic:
        break;
    }
    std::vector<TypeSource> sources;
    if (kernel_has_btf()) {
        sources = {TypeSource::btf, TypeSource::whole_btf};
    }
    if (kernel_headers_installed()) {
        sources.push_back(TypeSource::headers);
    }
    return sources;
}

/// Error: kernel_unsupported, where the kernel has no such types.
Result<void> check_source(TypeSource source) {
    if (source == TypeSource::headers && !kernel_headers_installed()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("no kernel headers for {} are installed; install the package linux-headers-{}, or use "
                       "--kernel-types btf",
                       running_kernel_release(), running_kernel_release()));
    }
    if (source != TypeSource::headers && !kernel_has_btf()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("this kernel ({}) has no BTF at {} (CONFIG_DEBUG_INFO_BTF); install its headers and use "
                       "--kernel-types headers",
                       running_kernel_release(), kernel_btf_path));
    }
    return {};
}

/// All that the compiled program depends on, the language of its messages included. The compiler's files are kept with
/// it; here is what decides which those are.
std::string cache_key(const ProgramText &text, const std::vector<TypeSource> &sources) {
    auto key = std::string(program_version) + '\n' + running_kernel_identity() + '\n' + identity_of_headers();
    for (const auto *name : environment) {
        key += fmt::format("{}={}\n", name, variable(name));
    }
    for (const auto *name : {"LD_LIBRARY_PATH", "LANGUAGE"}) {
        key += fmt::format("{}={}\n", name, variable(name));
    }
    const auto libraries = stamp_of("/etc/ld.so.cache");
    key += fmt::format("{} {} {} {}\n", std::setlocale(LC_MESSAGES, nullptr), find_helper().value_or(""),
                       libraries.size, libraries.changed_ns);
    for (const auto source : sources) {
        key += to_bytes(CompileRequest{text, source, {running_kernel_release(), kernel_btf_path}, {}});
    }
    return key;
}

bool becomes_readable(int fd, int within_ms) {
    pollfd ready = {fd, POLLIN, 0};
    return poll(&ready, 1, within_ms) > 0;
}

/// Whether it is the fate of the whole process group, by Ctrl-C for one.
bool is_ended_from_outside(int status) {
    const auto is_one = [](int signal) { return signal == SIGINT || signal == SIGTERM || signal == SIGHUP; };
    return WIFSIGNALED(status) ? is_one(WTERMSIG(status))
                               : WEXITSTATUS(status) > 128 && is_one(WEXITSTATUS(status) - 128);
}

Error no_compiler(const std::string &helper, const HelperEnd &end) {
    return {ErrorKind::kernel_unsupported,
            tr("the compiler {} cannot be started; install tcp_stats_monitor and the package libbpfcc anew", helper),
            end.words};
}

/// Where the compiler did not start.
std::optional<Error> error_of_start(const HelperEnd &end, const std::string &helper) {
    constexpr int no_program = 126; // as shells have it
    constexpr int no_library = 127; // ld.so(8)
    const auto status = WIFEXITED(end.status) ? WEXITSTATUS(end.status) : 0;
    constexpr std::string_view begin = "error while loading shared libraries: ";
    if (const auto at = end.words.find(begin); status == no_library && at != std::string::npos) {
        const auto library = end.words.substr(at + begin.size());
        return Error{ErrorKind::kernel_unsupported,
                     tr("the compiler cannot start: {} is missing; install the package libbpfcc",
                        library.substr(0, library.find(':'))),
                     end.words};
    }
    if (status == no_program || status == no_library) {
        return no_compiler(helper, end);
    }
    return std::nullopt;
}

/// Where a compile ended for another reason than the program.
std::optional<Error> error_of_compile(const HelperEnd &end, const std::string &helper, const std::string &program) {
    const auto error = [&](ErrorKind kind, std::string message) { return Error{kind, std::move(message), end.words}; };
    if (end.how == HelperEnd::How::too_late) {
        return error(ErrorKind::kernel_unsupported,
                     tr("the compiler of {} has not ended within {} minutes and was killed; try another program, or "
                        "--kernel-types btf",
                        program, longest_compile.count()));
    }
    if (is_ended_from_outside(end.status)) {
        return error(ErrorKind::kernel_unsupported,
                     tr("the compiler of {} was ended by somebody's signal; start again", program));
    }
    if (WIFSIGNALED(end.status)) {
        const int signal = WTERMSIG(end.status);
        if (end.words.find("signed division") != std::string::npos) { // LLVM's word for it, before it aborts
            return error(ErrorKind::program_rejected,
                         tr("{} divides a signed number, which BPF cannot; make it unsigned, as in (u32)value / 8, in "
                            "--field too",
                            program));
        }
        return signal == SIGKILL || end.words.find("out of memory") != std::string::npos
                   ? error(ErrorKind::kernel_unsupported,
                           tr("the compiler of {} was killed, as happens when memory runs out; free some and start "
                              "again",
                              program))
                   : error(ErrorKind::defect,
                           tr("the compiler of {} crashed ({}); please report it", program, strsignal(signal)));
    }
    return error_of_start(end, helper);
}

void replace_all(std::string &text, const std::string &part, const std::string &by) {
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + by.size())) {
        text.replace(at, part.size(), by);
    }
}

void say_compiled(const CompiledProgram &program, TypeSource preferred) {
    if (!program.words.empty()) {
        spdlog::debug("BCC: {}", program.words);
    }
    if (program.types == TypeSource::headers && preferred != TypeSource::headers) {
        spdlog::warn(tr("{} does not compile with types from {}; using {}", program.name, to_string(preferred),
                        to_string(program.types)));
    }
    spdlog::debug(tr("{} compiled, with types from {}", program.name, to_string(program.types)));
}

void keep(const ProgramCache &cache, const std::string &key, const CompiledProgram &program) {
    // BCC unpacks these where they may have been before.
    const bool unpacks_headers = program.types == TypeSource::headers && !has_tree_of_headers();
    const auto depends_on = unpacks_headers ? packed_headers : program.depends_on;
    if (depends_on.empty()) {
        cache.keep(key, program);
    } else {
        spdlog::debug(tr("{} is not kept: it depends on {}, whose contents may change", program.name, depends_on));
    }
}

/// With the first source of types that will do. Nothing where it was given up. Error: that of the first.
Result<std::optional<CompiledProgram>> compile_with_any(const std::vector<TypeSource> &sources, const ProgramText &text,
                                                        int stop_fd) {
    std::optional<Error> first_failure;
    for (const auto source : sources) {
        if (auto there = check_source(source); !there) {
            return tl::unexpected(first_failure.value_or(there.error()));
        }
        const CompileRequest request{
            text, source, {running_kernel_release(), kernel_btf_path}, private_directory_name()};
        auto compiled = run_compiler(request, text, stop_fd);
        if (compiled) {
            return compiled;
        }
        const auto &failure = compiled.error();
        spdlog::debug(tr("{} does not compile with types from {}", text.name, to_string(source)));
        if (first_failure) {
            spdlog::debug(failure.details);
        }
        first_failure = first_failure ? first_failure : failure;
        // A crash, or types that cannot be read or printed, are a defect; other types may do.
        const bool is_hopeless = failure.kind == ErrorKind::program_rejected ? !types_may_be_at_fault(failure)
                                                                             : failure.kind != ErrorKind::defect;
        if (is_hopeless) {
            break;
        }
    }
    return tl::unexpected(*first_failure);
}

Result<HelperEnd> start(const std::vector<std::string> &arguments, const std::string &input) {
    const auto helper = find_helper();
    if (!helper) {
        return tl::unexpected(helper.error());
    }
    auto end = run_helper(*helper, arguments, input, -1, longest_answer);
    if (!end) {
        return end;
    }
    if (auto error = error_of_start(*end, *helper)) {
        return tl::unexpected(std::move(*error));
    }
    if (end->how != HelperEnd::How::by_itself || WIFSIGNALED(end->status)) {
        return tl::unexpected(no_compiler(*helper, *end));
    }
    return end;
}

} // namespace

Result<std::optional<CompiledProgram>> run_compiler(const CompileRequest &request, const ProgramText &text,
                                                    int stop_fd) {
    const auto helper = find_helper();
    if (!helper) {
        return tl::unexpected(helper.error());
    }
    auto end = run_helper(*helper, {}, to_bytes(request), stop_fd, longest_compile);
    std::error_code ignored;
    fs::remove_all(request.private_directory, ignored); // it does so itself where it can
    if (!end) {
        return tl::unexpected(end.error());
    }
    if (end->how == HelperEnd::How::stopped ||
        (is_ended_from_outside(end->status) && stop_fd >= 0 && becomes_readable(stop_fd, 1000))) {
        return std::nullopt;
    }
    // Included files lie in the private directory under their paths.
    replace_all(end->words, included_files_in(request.private_directory), "");
    if (auto error = error_of_compile(*end, *helper, text.name)) {
        return tl::unexpected(std::move(*error));
    }
    if (end->answer.empty()) {
        return tl::unexpected(diagnose(end->words, text));
    }
    auto answer = answer_from_bytes(end->answer);
    if (!answer) {
        return tl::unexpected(answer.error());
    }
    answer->words = std::move(end->words);
    return std::move(*answer);
}

Result<std::optional<CompiledProgram>> compile(const ProgramText &text, const CompileSettings &settings) {
    remove_abandoned_directories();
    if (text.pastes("kprobe__") || text.pastes("kretprobe__")) {
        return fail(ErrorKind::program_rejected,
                    tr("{} makes a kprobe handler with a macro, which BCC cannot compile; write int "
                       "kprobe__FUNCTION(struct pt_regs *ctx, ...) out",
                       text.name));
    }
    const auto sources = sources_to_try(settings.types);
    if (sources.empty()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("no kernel types: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF) and no headers are "
                       "installed; install its linux-headers package"));
    }
    const auto cache = settings.use_cache ? ProgramCache::open(ProgramCache::usual_place()) : std::nullopt;
    const auto key = cache ? cache_key(text, sources) : std::string();
    if (auto kept = cache ? cache->find(key) : std::nullopt) {
        say_compiled(*kept, sources.front());
        return kept;
    }
    auto compiled = compile_with_any(sources, text, settings.stop_fd);
    if (compiled && *compiled) {
        say_compiled(**compiled, sources.front());
        if (cache) {
            keep(*cache, key, **compiled);
        }
    }
    return compiled;
}

std::string words_about_refusal(int error_number, const std::string &log) {
    if (error_number == E2BIG) { // of which BCC says the number of instructions, and not what the verifier says
        return log;
    }
    const auto end = start({"--refusal", std::to_string(error_number)}, log);
    return end && !end->words.empty() ? end->words : log;
}

Result<std::string> compiler_versions() {
    const auto end = start({"--version"}, "");
    if (!end) {
        return tl::unexpected(end.error());
    }
    return end->answer;
}

} // namespace tcp_stats
