#include "loop/progress.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/translate.h"
#include "output/human.h"

namespace tcp_stats {
namespace {

constexpr std::chrono::seconds patience{2};
constexpr std::chrono::milliseconds pause{200};

std::size_t columns_of_terminal() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void write_to_terminal(const std::string &text) {
    // What cannot be written there is no loss.
    [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
}

} // namespace

std::string progress_text(const std::string &what, double share, std::chrono::seconds elapsed, std::size_t columns) {
    const auto done = std::clamp(share, 0.0, 1.0);
    const auto left = done > 0 ? static_cast<double>(elapsed.count()) * (1 / done - 1) : 0;
    auto text = fmt::format("{:3.0f}%", 100 * done);
    if (done > 0) {
        text += " " + tr("{} left", human(static_cast<std::uint64_t>(std::max(std::llround(left), 1LL)) * 1'000'000,
                                          unit_of("us")));
    }
    constexpr std::size_t width = 30;
    const auto filled = static_cast<std::size_t>(done * width);
    text = "[" + std::string(filled, '#') + std::string(width - filled, '-') + "] " + text;
    if (what.size() + 2 + text.size() < columns) {
        text = what + "  " + text;
    }
    return text.substr(0, columns > 0 ? columns - 1 : 0);
}

Progress::Progress(std::string what)
    : what_(std::move(what)), is_terminal_(isatty(STDERR_FILENO) != 0), begin_(Clock::now()), next_(begin_ + patience) {
}

Progress::~Progress() {
    if (is_shown_) {
        write_to_terminal("\r\x1b[K");
    }
}

void Progress::show(double share) {
    const auto now = Clock::now();
    if (!is_terminal_ || now < next_) {
        return;
    }
    next_ = now + pause;
    is_shown_ = true;
    write_to_terminal("\r" +
                      progress_text(what_, share, std::chrono::duration_cast<std::chrono::seconds>(now - begin_),
                                    columns_of_terminal()) +
                      "\x1b[K");
}

} // namespace tcp_stats
