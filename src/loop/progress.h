// How far something has come that takes long.
#pragma once

#include <chrono>
#include <string>

namespace tcp_stats {

/// A bar on standard error, from the third second on, where that is a terminal. It goes when this does.
class Progress {
public:
    /// `what` is done meanwhile; printable.
    explicit Progress(std::string what);
    ~Progress();
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;

    /// `share`: from 0 to 1.
    void show(double share);

private:
    using Clock = std::chrono::steady_clock;

    std::string what_;
    bool is_terminal_;
    Clock::time_point begin_, next_;
    bool is_shown_ = false;
};

/// That text, so that it fits into `columns`.
std::string progress_text(const std::string &what, double share, std::chrono::seconds elapsed, std::size_t columns);

} // namespace tcp_stats
