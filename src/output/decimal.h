// Numbers with a fraction, for programs to read.
#pragma once

#include <cmath>
#include <string>

#include <fmt/format.h>

namespace tcp_stats {

/// With one decimal; below 1 with three, so that two events in a minute are not 0.0 a second.
inline std::string decimal(double number) {
    constexpr double one = 0.95; // where one decimal makes it that
    return fmt::format("{:.{}f}", number, number != 0 && std::abs(number) < one ? 3 : 1);
}

} // namespace tcp_stats
