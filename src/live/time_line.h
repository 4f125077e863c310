// The line in which a time is typed that is to be seen.
#pragma once

#include "live/prompt.h"
#include "loop/playback.h"

namespace tcp_stats {

class TimeLine {
public:
    /// `playback` must outlive it.
    explicit TimeLine(Playback &playback);

    /// Enter goes there where the time can be understood; else what is wrong stands below it until the next key.
    /// False: the viewer is done.
    bool press(const Key &key);

    const Prompt &prompt() const { return prompt_; }

private:
    Playback &playback_;
    Prompt prompt_;
};

} // namespace tcp_stats
