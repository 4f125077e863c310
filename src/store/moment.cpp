#include "store/moment.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <initializer_list>
#include <limits>
#include <optional>

#include "base/translate.h"

namespace tcp_stats {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t s_per_day = 86400;

/// `2h` and the like, in seconds.
std::optional<double> length_of(std::string_view text) {
    double number = 0;
    const auto *end = text.data() + text.size();
    const auto [unit, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || !std::isfinite(number) || end - unit != 1) {
        return std::nullopt;
    }
    switch (*unit) {
    case 's':
        return number;
    case 'm':
        return number * 60;
    case 'h':
        return number * 3600;
    case 'd':
        return number * s_per_day;
    default:
        return std::nullopt;
    }
}

/// Of local or universal time; `time` is put in order first, as mktime(3) does.
std::int64_t seconds_of(tm time, bool universal) {
    time.tm_isdst = -1;
    return universal ? timegm(&time) : mktime(&time);
}

/// Not the 31st of November.
bool is_a_day(tm time) {
    const int day = time.tm_mday;
    return timegm(&time) != -1 && time.tm_mday == day;
}

/// The fraction behind the seconds, in ns, is cut off `text`.
std::int64_t take_fraction(std::string &text) {
    const auto dot = text.find('.');
    if (dot == std::string::npos) {
        return 0;
    }
    double fraction = 0;
    const auto digits = "0" + text.substr(dot);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), fraction);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        return 0; // what is left then fits nothing
    }
    text.resize(dot);
    return std::llround(fraction * 1e9);
}

} // namespace

Result<std::int64_t> moment_of(const char *option, const std::string &text, std::int64_t begin, std::int64_t end) {
    if (text.starts_with('-')) {
        if (const auto length = length_of(std::string_view(text).substr(1)); length && *length < 1e9) {
            return end - static_cast<std::int64_t>(*length * 1e9);
        }
    }
    auto rest = text;
    const bool universal = rest.ends_with('Z');
    rest.resize(rest.size() - (universal ? 1 : 0));
    const auto fraction = take_fraction(rest);
    const auto in_ns = [&](const tm &time) {
        constexpr std::int64_t most_s = std::numeric_limits<std::int64_t>::max() / ns_per_s - 1;
        return std::clamp(seconds_of(time, universal), -most_s, most_s) * ns_per_s + fraction;
    };
    const auto fits = [&](const char *format, tm &time) {
        const auto *stop = strptime(rest.c_str(), format, &time);
        return stop != nullptr && *stop == '\0';
    };
    for (const auto *format :
         {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
        tm time{};
        if (fits(format, time) && is_a_day(time)) {
            return in_ns(time);
        }
    }
    for (const auto *format : {"%H:%M:%S", "%H:%M"}) {
        const std::time_t end_s = end / ns_per_s;
        tm time{};
        universal ? gmtime_r(&end_s, &time) : localtime_r(&end_s, &time);
        time.tm_sec = 0;
        if (fits(format, time)) {
            if (in_ns(time) > end) {
                --time.tm_mday;
            }
            const auto before = in_ns(time);
            ++time.tm_mday;
            const auto after = in_ns(time);
            return std::max<std::int64_t>(begin, 0) - before > after - end ? after : before;
        }
    }
    return fail(ErrorKind::usage,
                tr("{} {}: it accepts a time as 23:10 or 2026-11-30 23:10:05, or how long before the end "
                   "of the recording, as -90s, -2h or -1d",
                   option, text));
}

} // namespace tcp_stats
