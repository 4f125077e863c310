// A recording that is played, as its viewer steers it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace tcp_stats {

/// Nanoseconds since 1970.
using WallTime = std::int64_t;

inline std::chrono::system_clock::time_point time_point(WallTime time) {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::nanoseconds(time)));
}

class Playback {
public:
    /// A snapshot.
    struct Moment {
        WallTime time = 0;
        std::optional<std::uint64_t> retransmits; ///< segments that were sent again since the one before
        std::optional<std::uint64_t> failures;    ///< connections that failed, were reset or timed out since then
        bool begins_run = false;                  ///< nothing was recorded before it
    };

    virtual ~Playback() = default;

    /// All of them, one at least, in the order in which they were recorded: a clock may have been set meanwhile.
    virtual const std::vector<Moment> &moments() const = 0;

    /// Which of them is shown, or is to be shown next.
    virtual std::size_t now() const = 0;
    virtual void go(std::size_t moment) = 0;

    /// The last one that is not after the time that `text` means, or the first. Error: usage.
    virtual Result<std::size_t> moment_at(const std::string &text) const = 0;

    /// What was before a moment that the viewer goes to comes first, so that it is known. It is not to be drawn.
    virtual bool is_on_its_way() const = 0;

    virtual bool is_playing() const = 0;
    virtual void play(bool playing) = 0;

    /// So many times as fast as it was.
    virtual double speed() const = 0;
    virtual void set_speed(double speed) = 0;
};

} // namespace tcp_stats
