#include "output/time_text.h"

#include <fmt/chrono.h>

namespace tcp_stats {

std::string utc(std::chrono::system_clock::time_point time) {
    using namespace std::chrono;
    const auto whole = floor<seconds>(time);
    const auto milliseconds_over = duration_cast<milliseconds>(time - whole).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(whole)), milliseconds_over);
}

namespace {

tm local(std::chrono::system_clock::time_point time) {
    return fmt::localtime(std::chrono::system_clock::to_time_t(time));
}

} // namespace

std::string time_of_day(std::chrono::system_clock::time_point time) { return fmt::format("{:%H:%M:%S}", local(time)); }

std::string date_and_time(std::chrono::system_clock::time_point time) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", local(time));
}

std::string time_zone(std::chrono::system_clock::time_point time) { return fmt::format("{:%Z}", local(time)); }

std::string day_and_minute(std::chrono::system_clock::time_point time) {
    return fmt::format("{:%m-%d %H:%M}", local(time));
}

} // namespace tcp_stats
