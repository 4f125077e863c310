#include "live/terminal_guard.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <termios.h>
#include <unistd.h>

#define NCURSES_NOMACROS
#include <curses.h>
#include <term.h>

namespace tcp_stats {
namespace {

/// For the handler, which may use nothing that allocates or locks, signal-safety(7).
std::array<char, 512> restoring_text;
std::size_t restoring_length = 0;
termios modes_before;
volatile std::sig_atomic_t has_modes = 0;
/// A stack that has run over has no room for the handler.
std::array<std::byte, 16384> handler_stack;

extern "C" void on_crash(int number) {
    std::size_t written = 0;
    while (written < restoring_length) {
        const auto count = write(STDOUT_FILENO, restoring_text.data() + written, restoring_length - written);
        if (count <= 0) {
            break;
        }
        written += static_cast<std::size_t>(count);
    }
    if (has_modes != 0) {
        tcsetattr(STDIN_FILENO, TCSANOW, &modes_before);
    }
    raise(number); // SA_RESETHAND: now with what it does by itself
}

/// Without the padding that ncurses would turn into time; empty: the terminal has none.
std::string capability(const char *name) {
    const char *found = tigetstr(name);
    if (found == nullptr || reinterpret_cast<std::intptr_t>(found) == -1) {
        return {};
    }
    std::string text = found;
    for (auto begin = text.find("$<"); begin != text.npos; begin = text.find("$<", begin)) {
        const auto end = text.find('>', begin);
        if (end == text.npos) {
            break;
        }
        text.erase(begin, end - begin + 1);
    }
    return text;
}

} // namespace

TerminalGuard::TerminalGuard(const std::string &restoring) {
    restoring_length = std::min(restoring.size(), restoring_text.size());
    std::memcpy(restoring_text.data(), restoring.data(), restoring_length);
    has_modes = tcgetattr(STDIN_FILENO, &modes_before) == 0 ? 1 : 0;
    stack_t stack{};
    stack.ss_sp = handler_stack.data();
    stack.ss_size = handler_stack.size();
    sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_handler = on_crash;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
    for (std::size_t i = 0; i < crashes.size(); ++i) {
        sigaction(crashes[i], &action, &before_[i]);
    }
}

TerminalGuard::~TerminalGuard() {
    for (std::size_t i = 0; i < crashes.size(); ++i) {
        sigaction(crashes[i], &before_[i], nullptr);
    }
    stack_t stack{};
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, nullptr);
    restore_modes();
}

void TerminalGuard::restore_modes() const {
    if (has_modes != 0) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &modes_before);
    }
}

Terminal terminal() {
    Terminal found;
    int answer = 0;
    found.known = setupterm(nullptr, STDOUT_FILENO, &answer) == OK;
    if (found.known) {
        found.full_screen = !capability("cup").empty();
        for (const auto *name : {"sgr0", "op", "cnorm", "rmkx", "rmcup"}) {
            found.restoring += capability(name);
        }
        found.restoring += '\r';
        del_curterm(cur_term);
    }
    return found;
}

} // namespace tcp_stats
