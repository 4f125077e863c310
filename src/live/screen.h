// The terminal as a full screen: draws pictures, reads keys, and is left as it was found.
#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "live/key.h"
#include "live/picture.h"

struct screen; // of ncurses

namespace tcp_stats {

class TerminalGuard;

/// Whether standard input and output are a terminal that can show a full screen. Error: usage.
Result<void> check_terminal();

/// From its making on the terminal is the screen's; the destructor gives it back. A resize, SIGTSTP and the return from
/// it come as a descriptor that becomes readable, so these signals are blocked meanwhile. Ctrl-Z is a key: ncurses
/// ignores SIGTSTP while it draws, and one that comes then is lost. One at a time.
class Screen {
public:
    /// Error: usage, where ncurses does not know the terminal. `colour`: use colours if it has any.
    static Result<std::unique_ptr<Screen>> open(bool colour);
    ~Screen();
    Screen(const Screen &) = delete;
    Screen &operator=(const Screen &) = delete;

    Size size() const;
    void draw(const Picture &picture);

    /// Keys, and signals; for poll(2).
    std::vector<int> inputs() const;

    /// Deals with a resize, and with SIGTSTP. What was there is to be drawn again then.
    void handle_signals();

    /// What Ctrl-Z does: stops the process, and who else is in its group, until it goes on.
    void suspend();

    /// The next key that is there; absent: none.
    std::optional<Key> key();

    /// The terminal has gone: there will be no more keys.
    bool has_gone() const { return has_gone_; }

    void redraw_all(); ///< with the next `draw`, whatever was written over it

private:
    Screen(screen *opened, std::unique_ptr<TerminalGuard> guard, bool colour);

    void set_up_colours();
    unsigned attributes(int style) const;
    void stop(pid_t whom);
    void come_back();

    std::unique_ptr<TerminalGuard> guard_;
    screen *screen_;
    bool colour_;
    int signals_ = -1;
    sigset_t blocked_before_{};
    bool has_gone_ = false;
};

} // namespace tcp_stats
