// Where in a recording one is, and where it went wrong.
#pragma once

#include <cstddef>
#include <vector>

#include "live/picture.h"
#include "loop/playback.h"

namespace tcp_stats {

/// Bars of retransmits and of resets from its first to its last time. A blank: nothing was recorded then.
std::vector<Line> timeline(const Playback &playback, std::size_t width, bool unicode);

/// The moment that is so long before (where negative) or after the one that is shown, or the first or last one.
std::size_t moment_after(const Playback &playback, WallTime ns);

} // namespace tcp_stats
