#include "kernel/program_text.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <regex>
#include <sstream>

#include "base/translate.h"
#include "built_in_program.h"

namespace tcp_stats {
namespace {

std::vector<std::string> matches(const std::string &text, const std::regex &pattern, std::size_t group) {
    std::vector<std::string> found;
    for (auto match = std::sregex_iterator(text.begin(), text.end(), pattern); match != std::sregex_iterator();
         ++match) {
        found.push_back((*match)[group]);
    }
    return found;
}

/// `text` with each comment replaced by a space.
std::string without_comments(const std::string &text) {
    std::string code;
    code.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"' || text[at] == '\'') {
            const auto quote = text[at];
            code += text[at++];
            while (at < text.size() && text[at] != quote && text[at] != '\n') {
                if (text[at] == '\\' && at + 1 < text.size()) {
                    code += text[at++];
                }
                code += text[at++];
            }
            if (at < text.size()) {
                code += text[at];
            }
        } else if (text.compare(at, 2, "/*") == 0) {
            const auto end = text.find("*/", at + 2);
            at = end == std::string::npos ? text.size() : end + 1;
            code += ' ';
        } else if (text.compare(at, 2, "//") == 0) {
            at = std::min(text.find('\n', at), text.size());
            code += '\n';
        } else {
            code += text[at];
        }
    }
    return code;
}

/// The code and the definitions.
std::string code_of(const ProgramText &program) {
    auto code = without_comments(program.text);
    for (const auto &definition : program.definitions) {
        code += "\n" + definition;
    }
    return code;
}

} // namespace

ProgramText ProgramText::built_in() { return {built_in_program_text, built_in_program_name, {}, {}}; }

Result<ProgramText> ProgramText::read(const std::filesystem::path &file) {
    const auto unreadable = [&](const std::string &why) {
        return fail(ErrorKind::source_unreadable,
                    tr("cannot read --src {}: {}; --print-src prints a program to start from", file.string(), why));
    };
    std::error_code error;
    if (std::filesystem::is_directory(file, error)) {
        return unreadable(tr("it is a directory"));
    }
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    if (!stream || !(text << stream.rdbuf())) {
        // An empty file sets failbit too, but is no failure of the system.
        if (!stream.is_open() || stream.bad()) {
            return unreadable(std::strerror(errno));
        }
    }
    if (text.str().find_first_not_of(" \t\r\n") == std::string::npos) {
        return fail(ErrorKind::program_rejected,
                    tr("--src {} is empty; --print-src prints a program to start from", file.string()));
    }
    return ProgramText{text.str(), file.string(), std::filesystem::absolute(file).parent_path(), {}};
}

std::set<std::string> ProgramText::identifiers() const {
    static const std::regex word("[A-Za-z_][A-Za-z0-9_]*");
    const auto words = matches(code_of(*this), word, 0);
    return {words.begin(), words.end()};
}

std::set<std::string> ProgramText::mentioned_types() const {
    static const std::regex mention("\\b(?:struct|union|enum)\\s+([A-Za-z_][A-Za-z0-9_]*)");
    const auto names = matches(code_of(*this), mention, 1);
    return {names.begin(), names.end()};
}

std::set<std::string> ProgramText::defined_types() const {
    static const std::regex definition("\\b(?:struct|union|enum)\\s+([A-Za-z_][A-Za-z0-9_]*)\\s*\\{");
    const auto names = matches(without_comments(text), definition, 1);
    return {names.begin(), names.end()};
}

std::vector<std::string> ProgramText::includes() const {
    static const std::regex include("#[ \\t]*include[ \\t]*<([^>\\s]+)>");
    return matches(without_comments(text), include, 1);
}

std::vector<std::string> ProgramText::handlers(const std::string &prefix) const {
    const std::regex handler("\\b" + prefix + "([A-Za-z_][A-Za-z0-9_]*)");
    std::vector<std::string> names;
    for (const auto &function : matches(without_comments(text), handler, 1)) {
        if (std::find(names.begin(), names.end(), function) == names.end()) {
            names.push_back(function);
        }
    }
    return names;
}

} // namespace tcp_stats
