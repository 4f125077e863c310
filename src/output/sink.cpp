#include "output/sink.h"

#include <cmath>

#include <fmt/format.h>

namespace tcp_stats {

void Sink::put_hex(const RawBytes &bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    for (const auto byte : bytes.bytes) {
        const auto number = std::to_integer<unsigned>(byte);
        put(digits[number >> 4U]);
        put(digits[number & 0xfU]);
    }
}

void Sink::put_decimal(double number, unsigned decimals) {
    static constexpr std::array<std::uint64_t, 4> powers = {1, 10, 100, 1000};
    constexpr double exact = 0x1p53; // whole numbers up to here
    const auto power = powers[decimals];
    const double scaled = std::abs(number) * static_cast<double>(power);
    if (!(scaled < exact)) {
        put(fmt::format("{:.{}f}", number, decimals));
        return;
    }
    const auto rounded = static_cast<std::uint64_t>(std::nearbyint(scaled));
    if (std::signbit(number)) {
        put('-');
    }
    put(rounded / power);
    if (decimals > 0) {
        put('.');
        for (auto place = power / 10; place > 0; place /= 10) {
            put(static_cast<char>('0' + rounded / place % 10));
        }
    }
}

void Sink::put_decimal(double number) {
    constexpr double one = 0.95; // where one decimal makes it that
    put_decimal(number, number != 0 && std::abs(number) < one ? 3 : 1);
}

} // namespace tcp_stats
