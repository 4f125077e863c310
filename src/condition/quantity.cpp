#include "condition/quantity.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include "base/translate.h"
#include "record/units.h"

namespace tcp_stats {

tl::expected<Value, std::string> quantity_of(const std::string &text, std::string_view name, const std::string &unit) {
    const auto *end = text.data() + text.size();
    std::uint64_t whole = 0;
    const bool hex = text.starts_with("0x");
    if (const auto [stop, error] = std::from_chars(text.data() + (hex ? 2 : 0), end, whole, hex ? 16 : 10);
        error == std::errc() && stop == end) {
        return Value(whole);
    }
    double number = 0;
    const auto *digits = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto [stop, error] = std::from_chars(digits, end, number, std::chars_format::fixed);
    if (error != std::errc() || !std::isfinite(number)) {
        return tl::unexpected(tr("{} is a number, and this is none", name));
    }
    if (stop == end) {
        return Value(number);
    }
    if (std::isalpha(static_cast<unsigned char>(*stop)) == 0 && *stop != '%') {
        return tl::unexpected(tr("{} is a number, and this is none", name));
    }
    const std::string written(stop, end);
    const auto given = written_unit(written);
    if (!given) {
        return tl::unexpected(tr("there is no unit {}; it accepts {}", written, written_units));
    }
    const auto own = unit_of(unit);
    const bool multiple = given->dimension == Dimension::count; // of whatever unit the field has
    if (!multiple && given->dimension != own.dimension) {
        return tl::unexpected(unit.empty() ? tr("{} has no unit", name)
                                           : tr("{} is in {}; this is something else", name, unit));
    }
    const double worth = number * given->worth / (multiple ? 1 : own.worth);
    // 16.1 ms are 16100 us, though binary fractions make them a little more.
    constexpr double rounding = 1e-12;
    const double whole_worth = std::round(worth);
    return Value(std::abs(worth - whole_worth) <= rounding * std::abs(worth) ? whole_worth : worth);
}

} // namespace tcp_stats
