#include "output/sink.h"

#include <cmath>
#include <cstdint>

namespace tcp_stats {

void Sink::put_decimal(double number, bool three) {
    constexpr double exact = 0x1p53; // whole numbers up to here
    const double scaled = std::abs(number) * (three ? 1000 : 10);
    if (!(scaled < exact)) {
        print(FMT_COMPILE("{:.{}f}"), number, three ? 3 : 1);
        return;
    }
    // Ten times as fast as what fmt does for any number.
    const auto rounded = static_cast<std::uint64_t>(std::nearbyint(scaled));
    const auto *sign = std::signbit(number) ? "-" : "";
    if (three) {
        print(FMT_COMPILE("{}{}.{}{}{}"), sign, rounded / 1000, rounded / 100 % 10, rounded / 10 % 10, rounded % 10);
    } else {
        print(FMT_COMPILE("{}{}.{}"), sign, rounded / 10, rounded % 10);
    }
}

void Sink::put_decimal(double number) {
    constexpr double one = 0.95; // where one decimal makes it that
    put_decimal(number, number != 0 && std::abs(number) < one);
}

} // namespace tcp_stats
