#include "live/screen.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <cwchar>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define NCURSES_NOMACROS
#include <curses.h>

#include "base/characters.h"
#include "base/printable.h"
#include "base/translate.h"
#include "live/cells.h"
#include "live/terminal_guard.h"

namespace tcp_stats {
namespace {

constexpr int escape_delay_ms = 50;

tl::unexpected<Error> unusable(const std::string &why) {
    return fail(ErrorKind::usage, tr("--output live: {}; set TERM to the terminal's type, or use --output table", why));
}

std::string terminal_type() {
    const char *type = std::getenv("TERM");
    return type == nullptr ? "" : printable(type);
}

/// As the screen can show it: without a Unicode locale, ASCII.
std::wstring wide(std::string_view text) {
    std::wstring characters;
    const bool unicode = is_utf8_locale();
    while (!text.empty()) {
        const auto character = static_cast<wchar_t>(take_character(text));
        const bool ascii = character >= ' ' && character < 0x7f;
        characters += ascii || (unicode && iswprint(static_cast<wint_t>(character)) != 0) ? character : L'?';
    }
    return characters;
}

Key key_of_code(wint_t code) {
    using enum Key::Code;
    switch (code) {
    case KEY_UP:
        return {up};
    case KEY_DOWN:
        return {down};
    case KEY_LEFT:
        return {left};
    case KEY_RIGHT:
        return {right};
    case KEY_SLEFT:
        return {shift_left};
    case KEY_SRIGHT:
        return {shift_right};
    case KEY_PPAGE:
        return {page_up};
    case KEY_NPAGE:
        return {page_down};
    case KEY_HOME:
        return {home};
    case KEY_END:
        return {end};
    case KEY_ENTER:
        return {enter};
    case KEY_BACKSPACE:
        return {backspace};
    case KEY_DC:
        return {remove};
    case KEY_F(1):
        return {help};
    default:
        return {none};
    }
}

Key key_of_character(wint_t character) {
    switch (character) {
    case '\r':
    case '\n':
        return {Key::Code::enter};
    case 0x1b:
        return {Key::Code::escape};
    case '\b':
    case 0x7f:
        return {Key::Code::backspace};
    default:
        return character_key(static_cast<char32_t>(character));
    }
}

/// What terminals send whatever TERM says: many set one that does not have all of their keys.
void define_common_keys() {
    struct Sequence {
        const char *bytes;
        int key;
    };
    static constexpr Sequence sequences[] = {
        {"\x1b[A", KEY_UP},     {"\x1b[B", KEY_DOWN},     {"\x1b[C", KEY_RIGHT},    {"\x1b[D", KEY_LEFT},
        {"\x1b[H", KEY_HOME},   {"\x1bOH", KEY_HOME},     {"\x1b[1~", KEY_HOME},    {"\x1b[7~", KEY_HOME},
        {"\x1b[F", KEY_END},    {"\x1bOF", KEY_END},      {"\x1b[4~", KEY_END},     {"\x1b[8~", KEY_END},
        {"\x1b[3~", KEY_DC},    {"\x1b[5~", KEY_PPAGE},   {"\x1b[6~", KEY_NPAGE},   {"\x1bOP", KEY_F(1)},
        {"\x1b[11~", KEY_F(1)}, {"\x1b[1;2D", KEY_SLEFT}, {"\x1b[1;2C", KEY_SRIGHT}};
    for (const auto &[bytes, code] : sequences) {
        define_key(bytes, code);
    }
}

/// In the modes that ncurses comes back to, too.
void make_suspend_a_key() {
    termios modes{};
    if (tcgetattr(STDIN_FILENO, &modes) == 0) {
        modes.c_cc[VSUSP] = _POSIX_VDISABLE;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
        def_prog_mode();
    }
}

} // namespace

Result<void> check_terminal() {
    if (isatty(STDIN_FILENO) == 0) {
        return fail(
            ErrorKind::usage,
            tr("--output live: standard input is no terminal; use --output table to see snapshots without keys"));
    }
    if (isatty(STDOUT_FILENO) == 0) {
        return fail(ErrorKind::usage,
                    tr("--output live: standard output is no terminal; use --output line, table, json or csv there"));
    }
    const auto found = terminal();
    if (!found.known) {
        return unusable(tr("the terminal type '{}' (TERM) is not known here", terminal_type()));
    }
    return found.full_screen ? Result<void>()
                             : unusable(tr("a terminal of type '{}' (TERM) has no full screen", terminal_type()));
}

Result<std::unique_ptr<Screen>> Screen::open(bool colour) {
    if (auto able = check_terminal(); !able) {
        return tl::unexpected(able.error());
    }
    auto guard = std::make_unique<TerminalGuard>(terminal().restoring);
    // ncurses has a handler of its own for SIGTSTP, which writes whenever it comes.
    struct sigaction on_stop {};
    sigaction(SIGTSTP, nullptr, &on_stop);
    auto *opened = newterm(nullptr, stdout, stdin);
    sigaction(SIGTSTP, &on_stop, nullptr);
    if (opened == nullptr) {
        return unusable(tr("the terminal type '{}' (TERM) is not known here", terminal_type()));
    }
    return std::unique_ptr<Screen>(new Screen(opened, std::move(guard), colour));
}

Screen::Screen(screen *opened, std::unique_ptr<TerminalGuard> guard, bool colour)
    : guard_(std::move(guard)), screen_(opened), colour_(colour && has_colors()) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGWINCH, SIGTSTP, SIGCONT}) {
        sigaddset(&signals, number);
    }
    sigprocmask(SIG_BLOCK, &signals, &blocked_before_);
    signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    cbreak(); // Ctrl-C stays a signal
    make_suspend_a_key();
    noecho();
    nonl();
    curs_set(0);
    set_escdelay(escape_delay_ms);
    keypad(stdscr, true);
    define_common_keys();
    nodelay(stdscr, true);
    if (colour_) {
        set_up_colours();
    }
}

Screen::~Screen() {
    endwin();
    delscreen(screen_);
    guard_.reset(); // with the modes as they were
    close(signals_);
    sigprocmask(SIG_SETMASK, &blocked_before_, nullptr);
}

void Screen::set_up_colours() {
    start_color();
    use_default_colors();
    constexpr short own = -1;
    const auto pair = [](Style style, short text, short background) {
        init_pair(static_cast<short>(static_cast<int>(style) + 1), text, background);
    };
    pair(Style::heading, COLOR_BLACK, COLOR_GREEN);
    pair(Style::sorted, COLOR_BLACK, COLOR_CYAN);
    pair(Style::selected, COLOR_BLACK, COLOR_CYAN);
    pair(Style::selected_faint, COLOR_BLACK, COLOR_WHITE);
    pair(Style::paused, COLOR_BLACK, COLOR_YELLOW);
    pair(Style::warning, COLOR_YELLOW, own);
    pair(Style::graph, COLOR_GREEN, own);
    pair(Style::loss, COLOR_RED, own);
    pair(Style::rwnd, COLOR_MAGENTA, own);
    pair(Style::sndbuf, COLOR_YELLOW, own);
    pair(Style::cwnd, COLOR_CYAN, own);
    pair(Style::strong, COLOR_CYAN, own);
}

/// What is said by colour is said by these too.
unsigned Screen::attributes(int style) const {
    const auto paired = colour_ ? static_cast<unsigned>(COLOR_PAIR(style + 1)) : 0U;
    switch (static_cast<Style>(style)) {
    case Style::plain:
        return A_NORMAL;
    case Style::faint:
        return A_DIM;
    case Style::heading:
        return colour_ ? paired : unsigned(A_BOLD);
    case Style::sorted:
        return colour_ ? paired | unsigned(A_BOLD) : unsigned(A_BOLD) | unsigned(A_UNDERLINE);
    case Style::selected:
        return colour_ ? paired : unsigned(A_REVERSE);
    case Style::selected_faint:
        return colour_ ? paired : unsigned(A_REVERSE) | unsigned(A_DIM);
    case Style::paused:
        return colour_ ? paired : unsigned(A_REVERSE);
    case Style::graph:
        return paired;
    default:
        return paired | unsigned(A_BOLD);
    }
}

Size Screen::size() const {
    return {static_cast<std::size_t>(std::max(getmaxy(stdscr), 0)),
            static_cast<std::size_t>(std::max(getmaxx(stdscr), 0))};
}

void Screen::draw(const Picture &picture) {
    erase();
    for (std::size_t row = 0; row < picture.lines.size(); ++row) {
        move(static_cast<int>(row), 0);
        for (const auto &span : picture.lines[row]) {
            attrset(static_cast<int>(attributes(static_cast<int>(span.style))));
            const auto text = wide(span.text);
            addnwstr(text.data(), static_cast<int>(text.size()));
        }
    }
    attrset(A_NORMAL);
    curs_set(picture.cursor ? 1 : 0);
    if (picture.cursor) {
        move(static_cast<int>(picture.cursor->row), static_cast<int>(picture.cursor->column));
    }
    refresh();
}

std::vector<int> Screen::inputs() const { return {signals_, STDIN_FILENO}; }

void Screen::redraw_all() { clearok(curscr, true); }

void Screen::handle_signals() {
    signalfd_siginfo arrived{};
    while (read(signals_, &arrived, sizeof(arrived)) == static_cast<ssize_t>(sizeof(arrived))) {
        if (arrived.ssi_signo == SIGTSTP) {
            stop(getpid());
        } else {
            come_back(); // from a stop, or to another size
        }
    }
}

void Screen::suspend() { stop(0); }

/// Leaves the screen as the shell wants it, and stops; `whom` as in kill(2).
void Screen::stop(pid_t whom) {
    curs_set(1);
    endwin();
    guard_->restore_modes();
    sigset_t stopping;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGTSTP);
    kill(whom, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stopping, nullptr); // here it stops
    sigprocmask(SIG_BLOCK, &stopping, nullptr);
    come_back();
}

void Screen::come_back() {
    reset_prog_mode();
    winsize now{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0 && now.ws_row > 0 && now.ws_col > 0) {
        resizeterm(now.ws_row, now.ws_col);
    }
    redraw_all();
    refresh(); // after endwin() this is what takes the screen back
}

std::optional<Key> Screen::key() {
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    const bool readable = poll(&input, 1, 0) > 0;
    wint_t character = 0;
    const int result = get_wch(&character);
    if (result == KEY_CODE_YES) {
        return key_of_code(character);
    }
    if (result == OK) {
        return key_of_character(character);
    }
    int waiting = 0;
    has_gone_ = readable && ((input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 ||
                             (ioctl(STDIN_FILENO, FIONREAD, &waiting) != 0));
    return std::nullopt;
}

} // namespace tcp_stats
