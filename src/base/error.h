// What can go wrong, as a value that says how the program exits.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace tcp_stats {

/// Each kind is one exit status of sysexits(3); see `exit_status`.
enum class ErrorKind {
    usage,              ///< 64: the command line
    program_rejected,   ///< 65: the BPF source does not compile, or the verifier refuses it
    not_a_recording,    ///< 65: the file of --record or --replay is something else, or damaged
    source_unreadable,  ///< 66: the file of --src or --replay
    kernel_unsupported, ///< 69: this kernel cannot do it
    defect,             ///< 70: a fault of this program
    output_failed,      ///< 74: standard output or the file of --record cannot be written
    busy,               ///< 75: it cannot be done now, and may be later
    no_privilege,       ///< 77: not allowed to load BPF programs
};

struct Error {
    ErrorKind kind;
    /// One line: what, on which object, what to do next.
    std::string message;
    /// What follows that line: compiler diagnostics, the verifier's log. May be empty.
    std::string details = {};
};

template <typename T> using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message, std::string details = {}) {
    return tl::unexpected<Error>(Error{kind, std::move(message), std::move(details)});
}

/// The exit status that the contract gives to each kind (sysexits.h).
int exit_status(ErrorKind kind);

} // namespace tcp_stats
