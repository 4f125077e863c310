#include "kernel/program.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <optional>
#include <regex>
#include <sstream>

#include <bcc/BPF.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/translate.h"
#include "kernel/captured_output.h"
#include "kernel/user_fields.h"
#include "kernel/verifier_log.h"

namespace tcp_stats {
namespace {

/// Clang's words of the first attempt. BCC compiles a program that fails once more with another
/// bpf.h, and then prints everything again.
std::string first_diagnostics(const std::string &output) {
    return output.substr(0, output.find("WARNING: compilation failure, trying with system bpf.h"));
}

/// The first line with a verdict, for the one-line message: `my.c:12:5: error: …`.
std::string first_error(const std::string &diagnostics) {
    std::istringstream lines(diagnostics);
    for (std::string line; std::getline(lines, line);) {
        if (line.find("error: ") != std::string::npos) {
            return line;
        }
    }
    return {};
}

/// `flow_stats: Cannot allocate memory` where BCC says that it could not create a map, else empty.
std::string refused_map(const std::string &diagnostics) {
    static const std::regex words("could not open bpf map: (.*), error: (.*)");
    std::smatch match;
    return std::regex_search(diagnostics, match, words) ? match.str(1) + ": " + match.str(2) : std::string();
}

/// Whether other kernel types could mend what Clang complains of. Types that a --field lacks are "incomplete".
bool types_may_be_at_fault(const Error &error) {
    if (error.message.starts_with("--field ")) {
        return error.message.find("incomplete") != std::string::npos;
    }
    static const std::regex pattern("incomplete|unknown type name|undeclared|no member named|file not found|"
                                    "redefinition|tcp_stats_monitor_kernel_types|include/|implicit declaration|"
                                    "subscript of pointer|undefined");
    return std::regex_search(error.details, pattern);
}

/// Of Clang's words on `error` the source line, the caret, and what it would insert.
std::string lines_about(const std::string &error, const std::string &diagnostics) {
    static const std::regex next_words(".*:[0-9]+:[0-9]+: .*|In file included from .*|[0-9]+ (error|warning).*");
    std::istringstream lines(diagnostics.substr(diagnostics.find(error) + error.size()));
    std::string text;
    std::string line;
    std::getline(lines, line); // the rest of its own
    while (std::getline(lines, line) && !std::regex_match(line, next_words)) {
        text += (text.empty() ? "  " : "\n  ") + line;
    }
    return text;
}

/// Where Clang's first complaint is about an expression of --field: `--field x: no member named 'y' in …`, and the
/// expression with a caret. One that it notices only behind the expression is about its end, or all of it.
std::optional<Error> error_in_field(const std::string &error, const std::string &diagnostics, const ProgramText &text) {
    static const std::regex form("--field ([^:]*):([0-9]+):[0-9]+: (?:fatal )?error: (.*)");
    std::smatch match;
    if (!std::regex_match(error, match, form)) {
        const bool in_read = diagnostics.find("expanded from macro 'FIELD_READ'") != std::string::npos;
        if (!in_read || error.find("bit-field") == std::string::npos) {
            return std::nullopt;
        }
        std::string reads;
        for (const auto &field : text.fields) {
            reads += with_reads(field.expression) == field.expression ? "" : "  " + field.expression + "\n";
        }
        return Error{ErrorKind::program_rejected, tr("--field: a bit-field behind a pointer cannot be read"), reads};
    }
    const auto option = "--field " + match.str(1) + ": ";
    if (match.str(2) == "1") {
        return Error{ErrorKind::program_rejected, option + match.str(3), lines_about(error, diagnostics)};
    }
    const auto field = std::find_if(text.fields.begin(), text.fields.end(),
                                    [&](const UserField &one) { return one.name == match.str(1); });
    const bool no_number = match.str(3).find("invalid operands") != std::string::npos;
    const auto expression = field == text.fields.end() ? std::string() : field->expression;
    return Error{ErrorKind::program_rejected,
                 option + (no_number ? tr("this is no number and no pointer, but a whole struct; name a member of it")
                                     : match.str(3)),
                 "  " + expression + "\n  " + (no_number ? "^" : std::string(expression.size(), ' ') + "^")};
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

/// LLVM takes the source lines that the verifier's log shows from the file that the debug information
/// names. That is made a copy in `directory`, with the user's file name and line number behind each
/// line; kernels before 6.10 print the line alone. Returns the compiler flag that does it.
std::string annotated_source(const ProgramText &text, const std::filesystem::path &directory) {
    const auto file_name = std::filesystem::path(text.name).filename().string();
    std::istringstream lines(text.text);
    std::ofstream copy(directory / file_name);
    int number = 0;
    for (std::string line; std::getline(lines, line);) {
        copy << line << "  // " << printable(text.name) << ':' << ++number << '\n';
    }
    return "-fdebug-prefix-map=" + text.name + "=" + (directory / file_name).string();
}

/// `text` as the inside of a C string literal.
std::string quoted(const std::string &text) {
    std::string result;
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            result += '\\';
        }
        result += c == '\n' || c == '\r' ? '?' : c;
    }
    return result;
}

/// Whether a #line directive may stand behind a line: the line ends a statement, opens or closes a
/// block, is a directive itself or the end of a comment.
bool may_be_followed_by_directive(const std::string &line) {
    const auto first = line.find_first_not_of(" \t");
    const auto last = line.find_last_not_of(" \t\r");
    if (first == std::string::npos || line[last] == '\\') {
        return false;
    }
    return line[first] == '#' || line[last] == ';' || line[last] == '{' || line[last] == '}' || line.ends_with("*/") ||
           line.ends_with("*/\r");
}

/// The text with #line directives, so that Clang and the verifier name the user's file and lines: one
/// at the beginning, and one behind each line that allows it, because BCC's rewriter inserts lines of
/// its own, and because a directive within a comment or a skipped #if is itself just a line.
std::string with_line_numbers(const ProgramText &text) {
    const auto name = "\"" + quoted(text.name) + "\"";
    std::istringstream lines(text.text);
    std::string result = "#line 1 " + name + "\n";
    int number = 1;
    for (std::string line; std::getline(lines, line);) {
        result += line + "\n";
        ++number;
        if (may_be_followed_by_directive(line)) {
            result += "#line " + std::to_string(number) + " " + name + "\n";
        }
    }
    return result;
}

/// LLVM ends the process with exit(1) where its code generator meets an error, a stack over 512 bytes
/// say. While one lives, that exit says what LLVM said, removes the private types and has the status
/// of a program that does not compile.
class ExitOfLlvm {
public:
    ExitOfLlvm(CapturedOutput &capture, const ProgramText &text, const std::filesystem::path &directory) {
        current_capture = &capture;
        current_text = &text;
        current_directory = &directory;
        static const bool registered = std::atexit(report) == 0;
        static_cast<void>(registered);
    }
    ~ExitOfLlvm() { current_capture = nullptr; }
    ExitOfLlvm(const ExitOfLlvm &) = delete;
    ExitOfLlvm &operator=(const ExitOfLlvm &) = delete;

private:
    static void report() {
        if (current_capture == nullptr) {
            return;
        }
        const auto words = first_diagnostics(current_capture->finish());
        const auto error = first_error(words);
        spdlog::error(tr("{} does not compile: {}", current_text->name, error.empty() ? words : error));
        std::fprintf(stderr, "%s\n", words.c_str());
        std::error_code ignored;
        std::filesystem::remove_all(*current_directory, ignored);
        _exit(exit_status(ErrorKind::program_rejected));
    }

    static inline CapturedOutput *current_capture = nullptr; ///< null: no compile is under way
    static inline const ProgramText *current_text = nullptr;
    static inline const std::filesystem::path *current_directory = nullptr;
};

} // namespace

Result<Program> Program::compile(const ProgramText &text, KernelTypesChoice choice) {
    if (text.pastes("kprobe__") || text.pastes("kretprobe__")) {
        return fail(ErrorKind::program_rejected,
                    tr("{} makes a kprobe handler with a macro, which BCC cannot compile; write int "
                       "kprobe__FUNCTION(struct pt_regs *ctx, ...) out",
                       text.name));
    }
    const auto sources = sources_to_try(choice);
    if (sources.empty()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("no kernel types: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF) and no headers are "
                       "installed; install its linux-headers package"));
    }
    std::optional<Error> first_failure;
    for (const auto source : sources) {
        auto types = KernelTypes::prepare(source, text);
        if (!types) {
            first_failure = first_failure ? first_failure : types.error();
            continue;
        }
        auto program = compile_with(*types, text);
        if (program) {
            if (first_failure && source == TypeSource::headers) {
                spdlog::warn(tr("{} does not compile with types from {}; using {}", text.name,
                                to_string(sources.front()), to_string(source)));
            }
            spdlog::debug(tr("{} compiled, with types from {}", text.name, to_string(source)));
            return program;
        }
        spdlog::debug(tr("{} does not compile with types from {}", text.name, to_string(source)));
        if (!first_failure) {
            first_failure = program.error();
        } else {
            spdlog::debug(program.error().details);
        }
        if (program.error().kind != ErrorKind::program_rejected || !types_may_be_at_fault(program.error())) {
            break;
        }
    }
    return tl::unexpected(*first_failure);
}

Result<Program> Program::compile_with(const KernelTypes &types, const ProgramText &text) {
    std::vector<std::string> flags = {"-fms-extensions", "-Wno-microsoft-anon-tag"};
    flags.push_back(annotated_source(text, types.directory()));
    for (const auto &[name, header] : text.headers) {
        std::ofstream(types.directory() / name) << header;
    }
    if (!text.fields.empty()) {
        flags.emplace_back("-Werror=implicit-function-declaration");
    }
    if (text.directory.empty()) {
        // The built-in program loads; neither the lines of a verifier's log are needed, nor that Clang optimizes what
        // BCC optimizes once more.
        flags.insert(flags.end(), {"-g0", "-Xclang", "-disable-llvm-passes"});
    } else {
        flags.push_back("-iquote" + text.directory.string());
    }
    for (const auto &definition : text.definitions) {
        flags.push_back("-D" + definition);
    }
    auto storage = ebpf::createSharedTableStorage();
    auto bpf = std::make_unique<ebpf::BPF>(0, storage.get(), /*rw_engine_enabled=*/false);

    bool compiled = false;
    std::string thrown;
    CapturedOutput capture;
    const ExitOfLlvm exit_of_llvm(capture, text, types.directory());
    try {
        compiled = bpf->init(with_line_numbers(text), flags).ok();
    } catch (const std::exception &exception) {
        thrown = exception.what();
    }
    const auto output = capture.finish();

    if (compiled) {
        if (!output.empty()) {
            spdlog::debug("BCC: {}", output);
        }
        return Program(text, std::move(storage), std::move(bpf));
    }
    // BPFModule's destructor frees memory that is LLVM's when creating the maps failed (BCC 0.26). The
    // process ends soon, or goes on with another module.
    static_cast<void>(bpf.release());
    static_cast<void>(storage.release());
    const auto diagnostics = first_diagnostics(thrown.empty() ? output : thrown + "\n" + output);
    if (const auto refusal = refused_map(diagnostics); !refusal.empty()) {
        const bool forbidden = refusal.find(std::strerror(EPERM)) != std::string::npos;
        return fail(forbidden ? ErrorKind::kernel_unsupported : ErrorKind::program_rejected,
                    forbidden ? tr("this kernel refuses BPF maps ({}); a container, a lockdown or a security policy "
                                   "forbids them",
                                   refusal)
                              : tr("the kernel refuses a map of {} ({}); make it smaller or change its declaration",
                                   text.name, refusal),
                    diagnostics);
    }
    const auto error = first_error(diagnostics);
    if (auto in_field = error_in_field(error, diagnostics, text)) {
        return tl::unexpected(*in_field);
    }
    if (!error.empty()) {
        return fail(ErrorKind::program_rejected, tr("{} does not compile: {}", text.name, error), diagnostics);
    }
    return fail(ErrorKind::program_rejected, tr("{} does not compile; what BCC says follows", text.name), diagnostics);
}

Program::Program(ProgramText text, std::unique_ptr<ebpf::TableStorage> storage, std::unique_ptr<ebpf::BPF> bpf)
    : text_(std::move(text)), storage_(std::move(storage)), bpf_(std::move(bpf)) {
    for (auto entry = storage_->begin(); entry != storage_->end(); ++entry) {
        const ebpf::TableDesc &desc = entry->second;
        tables_.push_back({desc.name, static_cast<int>(desc.fd), desc.type, desc.key_size, desc.leaf_size,
                           desc.max_entries, desc.leaf_desc});
    }
}

bool LoadFailure::is_refusal() const { return !verifier_summary(log).empty(); }

Error LoadFailure::as_error(const ProgramText &text, const std::string &handler) const {
    if (const auto summary = verifier_summary(log); !summary.empty()) {
        return {ErrorKind::program_rejected,
                tr("the verifier refuses {} of {}: {}; its log follows", handler, text.name, summary), log};
    }
    if (error_number == EPERM) {
        return {ErrorKind::kernel_unsupported,
                tr("this kernel ({}) refuses tracing programs, even with every privilege (bpf: {}); a lockdown or a "
                   "security policy forbids them",
                   running_kernel_release(), std::strerror(error_number)),
                log};
    }
    return {ErrorKind::kernel_unsupported,
            tr("this kernel ({}) cannot load {} of {}: {}; use a --src without it", running_kernel_release(), handler,
               text.name, std::strerror(error_number)),
            log};
}

tl::expected<std::optional<int>, LoadFailure> Program::load(const std::string &handler, int type) {
    CapturedOutput capture;
    errno = 0;
    int fd = -1;
    const auto status = bpf_->load_func(handler, static_cast<bpf_prog_type>(type), fd);
    const int error_number = errno;
    const auto words = capture.finish();
    if (status.ok()) {
        if (!words.empty()) {
            spdlog::debug("BCC: {}", words);
        }
        return fd;
    }
    if (status.msg().find("Can't find start of function") != std::string::npos) {
        return std::nullopt;
    }
    return tl::unexpected(LoadFailure{error_number, tidy_verifier_log(words)});
}

Program::Program(Program &&) noexcept = default;
Program::~Program() = default;

const TableDescription *Program::table(const std::string &name) const {
    for (const auto &table : tables_) {
        if (table.name == name) {
            return &table;
        }
    }
    return nullptr;
}

} // namespace tcp_stats
