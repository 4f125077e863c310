#include "compile/diagnostics.h"

#include <algorithm>
#include <optional>
#include <regex>
#include <sstream>

#include "base/translate.h"
#include "compile/user_fields.h"

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

std::string no_fractions() {
    return tr("BPF has no numbers with a fraction; use whole ones, as in tp->srtt_us * 3 / 2");
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
    const auto field = std::find_if(text.fields.begin(), text.fields.end(),
                                    [&](const UserField &one) { return one.name == match.str(1); });
    const auto expression = field == text.fields.end() ? std::string() : field->expression;
    if (match.str(3).starts_with("static")) { // its only assertion
        return Error{ErrorKind::program_rejected, option + no_fractions(), "  " + expression};
    }
    if (match.str(2) == "1") {
        return Error{ErrorKind::program_rejected, option + match.str(3), lines_about(error, diagnostics)};
    }
    const bool no_number = match.str(3).find("invalid operands") != std::string::npos;
    return Error{ErrorKind::program_rejected,
                 option + (no_number ? tr("this is no number and no pointer, but a whole struct; name a member of it")
                                     : match.str(3)),
                 "  " + expression + "\n  " + (no_number ? "^" : std::string(expression.size(), ' ') + "^")};
}

} // namespace

Error diagnose(const std::string &words, const ProgramText &text) {
    const auto diagnostics = first_diagnostics(words);
    const auto error = first_error(diagnostics);
    if (auto in_field = error_in_field(error, diagnostics, text)) {
        return *in_field;
    }
    // What LLVM would calculate with fractions by: __muldf3(), __floatunsidf().
    static const std::regex of_fractions("built-in function '__[a-z]*[sd]f[a-z0-9]*'");
    if (std::regex_search(error, of_fractions)) {
        const auto where = text.fields.empty() ? text.name : text.name + ", --field";
        return {ErrorKind::program_rejected, where + ": " + no_fractions(), diagnostics};
    }
    if (!error.empty()) {
        return {ErrorKind::program_rejected, tr("{} does not compile: {}", text.name, error), diagnostics};
    }
    return {ErrorKind::program_rejected, tr("{} does not compile; what BCC says follows", text.name), diagnostics};
}

bool types_may_be_at_fault(const Error &error) {
    if (error.message.starts_with("--field ")) {
        return error.message.find("incomplete") != std::string::npos;
    }
    static const std::regex pattern("incomplete|unknown type name|undeclared|no member named|file not found|"
                                    "redefinition|tcp_stats_monitor_kernel_types|include/|implicit declaration|"
                                    "subscript of pointer|undefined");
    return std::regex_search(error.details, pattern);
}

} // namespace tcp_stats
