// The BPF program before it is compiled, and what can be read off its text.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace tcp_stats {

struct ProgramText {
    std::string text;
    /// As the user named it; compiler diagnostics name it so too.
    std::string name;
    /// Where `#include "…"` looks first; empty for the built-in program.
    std::filesystem::path directory;
    /// What the compiler is to define, `NAME` or `NAME=VALUE`, in order.
    std::vector<std::string> definitions = {};

    /// The program that this binary carries, bpf_programs/tcp_stats_sockkey.c.
    static ProgramText built_in();

    /// Error: source_unreadable.
    static Result<ProgramText> read(const std::filesystem::path &file);

    /// Every word of its code and its definitions (not of its comments) that could name something.
    std::set<std::string> identifiers() const;

    /// Names of the structs, unions and enums that its code and its definitions mention.
    std::set<std::string> mentioned_types() const;

    /// Names of the structs, unions and enums that it defines itself.
    std::set<std::string> defined_types() const;

    /// What it includes in angle brackets: `linux/tcp.h`, `bcc/proto.h`.
    std::vector<std::string> includes() const;

    /// Kernel functions for which it has a handler `PREFIX` + function, `kprobe__tcp_sendmsg` say, or
    /// a macro `PREFIX(function` where the prefix ends with its parenthesis, in the order of the text.
    std::vector<std::string> handlers(const std::string &prefix) const;
};

} // namespace tcp_stats
