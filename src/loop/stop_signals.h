// Ctrl-C and its like, as something to wait for.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

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

    /// Forgets those that arrived: what is yet to be done may be ended by another one.
    void forget() const;

    enum class By { deadline, signal, descriptor };
    struct Woken {
        By by = By::deadline;
        std::size_t which = 0; ///< of the descriptors
    };

    /// Sleeps until `deadline`, a signal arrives, or one of `descriptors` is readable; those that are -1 never are. A
    /// signal comes before all, then the descriptors in their order.
    Woken wait(std::chrono::steady_clock::time_point deadline, std::span<const int> descriptors) const;

private:
    int fd_;
};

} // namespace tcp_stats
