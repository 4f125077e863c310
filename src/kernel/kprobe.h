// A kprobe of one BPF program on one kernel function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tcp_stats {

/// Attached through perf's kprobe PMU (Linux 4.17): it lives as long as its file descriptors, so that nothing
/// survives the process. The older way, through tracefs, would.
class Kprobe {
public:
    /// Where the kernel lists the PMU.
    static constexpr const char *pmu = "/sys/bus/event_source/devices/kprobe/type";

    /// Nothing, and errno, when it cannot be attached.
    static std::optional<Kprobe> attach(const std::string &function, bool at_return, int program_fd);

    Kprobe(Kprobe &&other) noexcept;
    Kprobe &operator=(Kprobe &&) = delete;
    ~Kprobe();

    /// Calls of the function that the kernel did not bring to the program, because the CPU was in another
    /// kprobe's handler. Linux 6.7 and later tell; 0 before.
    std::uint64_t missed() const;

private:
    Kprobe(int event_fd, int link_fd) : event_fd_(event_fd), link_fd_(link_fd) {}

    int event_fd_;
    int link_fd_; ///< -1 before Linux 5.15, which has no links for these
};

} // namespace tcp_stats
