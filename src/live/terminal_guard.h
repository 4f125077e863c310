// Gives the terminal back as it was, even after a crash.
#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <string>

namespace tcp_stats {

/// As long as it lives, SIGSEGV, SIGABRT, SIGBUS, SIGFPE and SIGILL write `restoring` to standard output and put
/// standard input's modes back as they were when it was made, before they do what they did otherwise. One at a time.
class TerminalGuard {
public:
    /// `restoring`: what makes the terminal normal again; of longer text only the beginning is used.
    explicit TerminalGuard(const std::string &restoring);
    ~TerminalGuard();
    TerminalGuard(const TerminalGuard &) = delete;
    TerminalGuard &operator=(const TerminalGuard &) = delete;

    /// Puts the modes back now.
    void restore_modes() const;

    static constexpr std::array crashes = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT};

private:
    std::array<struct sigaction, crashes.size()> before_{};
};

/// What terminfo(5) knows of the terminal on standard output.
struct Terminal {
    bool known = false;       ///< its type (TERM) is
    bool full_screen = false; ///< the cursor can be put anywhere
    std::string restoring;    ///< for TerminalGuard: leaves the full screen, shows the cursor, ends colours
};
Terminal terminal();

} // namespace tcp_stats
