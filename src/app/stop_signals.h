// Ctrl-C and its like, as something to wait for.
#pragma once

#include <chrono>

namespace tcp_stats {

/// From its making on, SIGINT, SIGTERM and (unless it was ignored, nohup) SIGHUP do not end the process
/// but are taken note of here, and SIGPIPE is ignored. Make it before the first thread.
class StopSignals {
public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals &) = delete;
    StopSignals &operator=(const StopSignals &) = delete;

    /// Readable once one has arrived; for poll(2).
    int fd() const { return fd_; }

    bool arrived() const;

    enum class Woken { by_deadline, by_signal, by_other };

    /// Sleeps until `deadline`, a signal arrives, or `other_fd` (-1: none) is readable.
    Woken wait(std::chrono::steady_clock::time_point deadline, int other_fd) const;

private:
    int fd_;
};

} // namespace tcp_stats
