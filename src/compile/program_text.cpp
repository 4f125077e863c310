#include "compile/program_text.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <string_view>

#include "base/translate.h"
#include "built_in_program.h"
#include "compile/user_fields.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

bool is_word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Words and single punctuation characters of C code; comments and string literals are left out.
std::vector<std::string_view> tokens_of(std::string_view code) {
    std::vector<std::string_view> tokens;
    for (std::size_t at = 0; at < code.size();) {
        const char c = code[at];
        if (code.substr(at, 2) == "/*") {
            at = std::min(code.find("*/", at + 2), code.size() - 2) + 2;
        } else if (code.substr(at, 2) == "//") {
            at = std::min(code.find('\n', at), code.size());
        } else if (c == '"' || c == '\'') {
            for (++at; at < code.size() && code[at] != c && code[at] != '\n'; ++at) {
                at += code[at] == '\\' ? 1 : 0;
            }
            ++at;
        } else if (is_word_character(c)) {
            auto end = at;
            while (end < code.size() && is_word_character(code[end])) {
                ++end;
            }
            tokens.push_back(code.substr(at, end - at));
            at = end;
        } else {
            if (std::isspace(static_cast<unsigned char>(c)) == 0) {
                tokens.push_back(code.substr(at, 1));
            }
            ++at;
        }
    }
    return tokens;
}

/// The code, what it includes, and the definitions.
std::string code_of(const ProgramText &program) {
    auto code = program.text;
    for (const auto *texts : {&program.files, &program.headers}) {
        for (const auto &[name, text] : *texts) {
            code += "\n" + text;
        }
    }
    for (const auto &definition : program.definitions) {
        code += "\n" + definition;
    }
    return code;
}

/// Names of `#include` directives between `open` and `close`.
std::vector<std::string> included_names(const std::string &text, char open, char close) {
    std::vector<std::string> names;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (word == "#") {
            std::string directive;
            words >> directive;
            word += directive;
        }
        const auto begin = line.find(open);
        const auto end = begin == std::string::npos ? begin : line.find(close, begin + 1);
        if (word.starts_with("#include") && end != std::string::npos) {
            names.push_back(line.substr(begin + 1, end - begin - 1));
        }
    }
    return names;
}

void add_once(std::vector<std::string> &names, std::string_view name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        names.emplace_back(name);
    }
}

/// The whole file, or errno.
tl::expected<std::string, int> contents_of(const fs::path &file) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> stream(std::fopen(file.c_str(), "re"), std::fclose);
    if (!stream) {
        return tl::unexpected(errno);
    }
    std::string text;
    char block[65536];
    while (const auto count = std::fread(block, 1, sizeof(block), stream.get())) {
        text.append(block, count);
    }
    if (std::ferror(stream.get()) != 0) {
        return tl::unexpected(errno);
    }
    return text;
}

/// Adds what `text`, which lies in `own`, includes with quotes, and what that includes. As Clang does, it looks beside
/// the file that includes first.
void add_included(const std::string &text, const fs::path &own, ProgramText &program) {
    for (const auto &name : included_names(text, '"', '"')) {
        for (const auto &directory : {own, fs::path(program.directory)}) {
            const auto file = (directory / name).lexically_normal();
            if (program.files.contains(file.string())) {
                break;
            }
            if (const auto inner = contents_of(file)) {
                program.files[file.string()] = *inner;
                add_included(*inner, file.parent_path(), program);
                break;
            }
        }
    }
}

} // namespace

ProgramText ProgramText::built_in() { return {built_in_program_text, built_in_program_name, {}}; }

Result<ProgramText> ProgramText::read(const std::filesystem::path &file) {
    std::error_code error;
    auto text = contents_of(file);
    if (!text || fs::is_directory(file, error)) {
        return fail(
            ErrorKind::source_unreadable,
            tr("cannot read --src {}: {}; --print-src prints a program to start from", file.string(),
               fs::is_directory(file, error) ? tr("it is a directory") : std::string(std::strerror(text.error()))));
    }
    if (text->find_first_not_of(" \t\r\n") == std::string::npos) {
        return fail(ErrorKind::program_rejected,
                    tr("--src {} is empty; --print-src prints a program to start from", file.string()));
    }
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text->starts_with(byte_order_mark)) {
        text->erase(0, byte_order_mark.size());
    }
    ProgramText program = {*text, file.string(), fs::absolute(file).lexically_normal().parent_path().string()};
    add_included(program.text, program.directory, program);
    return program;
}

Result<void> ProgramText::add(const std::vector<UserField> &more) {
    if (more.empty()) {
        return {};
    }
    if (identifiers().count("USER_FIELDS") == 0) {
        return fail(ErrorKind::usage,
                    tr("--field: {} has no place for fields (USER_FIELDS); take it from --print-src", name));
    }
    fields = more;
    add_header("USER_FIELDS_HEADER", user_fields_header_name, user_fields_header(fields));
    return {};
}

bool ProgramText::add_condition(const std::string &header) {
    if (identifiers().count("FLOW_WANTED") == 0) {
        return false;
    }
    add_header("CONDITION_HEADER", condition_header_name, header);
    return true;
}

void ProgramText::add_header(const char *definition, const char *header, const std::string &header_text) {
    headers[header] = header_text;
    definitions.push_back(fmt::format("{}=\"{}\"", definition, header));
}

std::set<std::string> ProgramText::identifiers() const {
    const auto code = code_of(*this);
    std::set<std::string> words;
    for (const auto token : tokens_of(code)) {
        if (is_word_character(token.front())) {
            words.emplace(token);
        }
    }
    return words;
}

namespace {

/// The tags behind `struct`, `union` and `enum`, all or those with a definition.
std::set<std::string> tags_of(const ProgramText &program, bool only_defined) {
    const auto code = code_of(program);
    const auto tokens = tokens_of(code);
    std::set<std::string> tags;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        const bool keyword = tokens[i] == "struct" || tokens[i] == "union" || tokens[i] == "enum";
        if (keyword && is_word_character(tokens[i + 1].front()) &&
            (!only_defined || (i + 2 < tokens.size() && tokens[i + 2] == "{"))) {
            tags.emplace(tokens[i + 1]);
        }
    }
    return tags;
}

} // namespace

std::set<std::string> ProgramText::mentioned_types() const { return tags_of(*this, false); }

std::set<std::string> ProgramText::defined_types() const { return tags_of(*this, true); }

std::vector<std::string> ProgramText::includes() const {
    auto all = text;
    for (const auto &[file, inner] : files) {
        all += "\n" + inner;
    }
    return included_names(all, '<', '>');
}

std::vector<std::string> ProgramText::handlers(const std::string &prefix) const {
    const auto code = code_of(*this);
    std::vector<std::string> functions;
    for (const auto token : tokens_of(code)) {
        if (token.size() > prefix.size() && token.starts_with(prefix)) {
            add_once(functions, token.substr(prefix.size()));
        }
    }
    return functions;
}

std::vector<std::string> ProgramText::macro_handlers(const std::string &macro) const {
    const auto code = code_of(*this);
    const auto tokens = tokens_of(code);
    std::vector<std::string> functions;
    for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
        if (tokens[i] == macro && tokens[i + 1] == "(" && is_word_character(tokens[i + 2].front())) {
            add_once(functions, tokens[i + 2]);
        }
    }
    return functions;
}

std::vector<std::vector<std::string>> ProgramText::words_in(const std::string &macro) const {
    const auto code = code_of(*this);
    const auto tokens = tokens_of(code);
    std::vector<std::vector<std::string>> uses;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
        if (tokens[i] != macro || tokens[i + 1] != "(") {
            continue;
        }
        std::vector<std::string> words;
        auto at = i + 1; // of the parenthesis, then of each comma
        while (at + 2 < tokens.size() && (at == i + 1 || tokens[at] == ",") &&
               is_word_character(tokens[at + 1].front())) {
            words.emplace_back(tokens[at + 1]);
            at += 2;
        }
        if (at < tokens.size() && tokens[at] == ")") {
            uses.push_back(std::move(words));
        }
    }
    return uses;
}

bool ProgramText::pastes(const std::string &prefix) const {
    const auto code = code_of(*this);
    const auto tokens = tokens_of(code);
    for (std::size_t i = 0; i + 2 < tokens.size(); ++i) {
        if (tokens[i] == prefix && tokens[i + 1] == "#" && tokens[i + 2] == "#") {
            return true;
        }
    }
    return false;
}

} // namespace tcp_stats
