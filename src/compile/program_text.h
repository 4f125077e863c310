// The BPF program before it is compiled, and what can be read off its text.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/choices.h"
#include "base/error.h"

namespace tcp_stats {

/// Of the header of a condition.
inline constexpr const char *condition_header_name = "tcp_stats_monitor_condition.h";

struct ProgramText {
    std::string text;
    /// As the user named it; compiler diagnostics name it so too.
    std::string name;
    /// Where `#include "…"` looks, an absolute path; empty for the built-in program.
    std::string directory;
    /// What the compiler is to define, `NAME` or `NAME=VALUE`, in order.
    std::vector<std::string> definitions = {};
    /// What it includes with `#include "…"`, and what that includes, as far as it can be found: the text of each file
    /// by its absolute path.
    std::map<std::string, std::string> files = {};
    /// Headers made for it, by the name that it includes them by: they lie with the kernel's types.
    std::map<std::string, std::string> headers = {};
    /// The user's (--field). Not part of a request: the compiler knows them as a header.
    std::vector<UserField> fields = {};

    bool is_built_in() const { return directory.empty(); }

    /// The same text alone, without what it includes and what is defined for it.
    ProgramText alone() const { return {text, name, directory}; }

    /// Adds fields. Error: usage, where the program has no place for them.
    Result<void> add(const std::vector<UserField> &more);

    /// Adds the header of a condition (kernel_condition_header). False: the program does not ask for one.
    bool add_condition(const std::string &header);

    /// The program that this binary carries, bpf_programs/tcp_stats_sockkey.c.
    static ProgramText built_in();

    /// Error: source_unreadable, or program_rejected for an empty file.
    static Result<ProgramText> read(const std::filesystem::path &file);

    /// Every word of its code, what it includes, and its definitions (not of its comments) that could name something.
    std::set<std::string> identifiers() const;

    /// Names of the structs, unions and enums that its code and its definitions mention.
    std::set<std::string> mentioned_types() const;

    /// Names of the structs, unions and enums that it defines itself.
    std::set<std::string> defined_types() const;

    /// The files that it includes in angle brackets: `linux/tcp.h`, `bcc/proto.h`.
    std::vector<std::string> includes() const;

    /// What it has a handler `PREFIX` + function for, `kprobe__tcp_sendmsg` say, in the order of the text.
    std::vector<std::string> handlers(const std::string &prefix) const;

    /// What it has a handler made by `MACRO(function, …)` for, in the order of the text.
    std::vector<std::string> macro_handlers(const std::string &macro) const;

    /// The arguments of each `MACRO(first, …)`, where all are words.
    std::vector<std::vector<std::string>> words_in(const std::string &macro) const;

    /// Whether a macro of its own pastes `PREFIX` and a name together.
    bool pastes(const std::string &prefix) const;

private:
    /// `definition` is what the program includes it by.
    void add_header(const char *definition, const char *header, const std::string &header_text);
};

} // namespace tcp_stats
