// The page that says what the keys do.
#pragma once

#include "live/key.h"
#include "live/picture.h"

namespace tcp_stats {

class Help {
public:
    /// `playback`: of what is played, not of now.
    explicit Help(bool playback) : playback_(playback) {}

    /// Scrolls. False: the viewer goes back.
    bool press(const Key &key);

    std::vector<Line> lines(Size size);

private:
    bool playback_;
    std::size_t top_ = 0;
};

} // namespace tcp_stats
