#include "live/time_line.h"

namespace tcp_stats {

TimeLine::TimeLine(Playback &playback) : playback_(playback), prompt_("t ", "--at", "") {}

bool TimeLine::press(const Key &key) {
    if (is_cancel(key)) {
        return false;
    }
    if (key.code != Key::Code::enter) {
        prompt_.press(key);
        return true;
    }
    const auto typed = prompt_.text();
    if (typed.find_first_not_of(' ') == std::string::npos) {
        return false;
    }
    const auto moment = playback_.moment_at(typed);
    if (!moment) {
        prompt_.set_mistake(moment.error());
        return true;
    }
    playback_.play(false);
    playback_.go(*moment);
    return false;
}

} // namespace tcp_stats
