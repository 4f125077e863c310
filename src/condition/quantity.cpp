#include "condition/quantity.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/translate.h"

namespace tcp_stats {
namespace {

/// What a unit is worth, in µs, bytes, or ones; and which of these.
struct Unit {
    char dimension; ///< t time, b bytes, % share, 1 number
    double worth;
};

std::optional<Unit> unit_of_value(const std::string &suffix) {
    static const std::map<std::string, Unit> units = {
        {"ns", {'t', 1e-3}},      {"us", {'t', 1}},         {"ms", {'t', 1e3}},      {"s", {'t', 1e6}},
        {"m", {'t', 60e6}},       {"h", {'t', 3600e6}},     {"B", {'b', 1}},         {"kB", {'b', 1e3}},
        {"MB", {'b', 1e6}},       {"GB", {'b', 1e9}},       {"TB", {'b', 1e12}},     {"KiB", {'b', 1024}},
        {"MiB", {'b', 0x1p20}},   {"GiB", {'b', 0x1p30}},   {"bit", {'b', 1.0 / 8}}, {"kbit", {'b', 1e3 / 8}},
        {"Mbit", {'b', 1e6 / 8}}, {"Gbit", {'b', 1e9 / 8}}, {"%", {'%', 1}},         {"k", {'1', 1e3}},
        {"M", {'1', 1e6}},        {"G", {'1', 1e9}},
    };
    const auto found = units.find(suffix.ends_with("/s") ? suffix.substr(0, suffix.size() - 2) : suffix);
    return found == units.end() ? std::nullopt : std::optional(found->second);
}

Unit unit_of_field(const std::string &unit) {
    if (unit == "us") {
        return {'t', 1};
    }
    if (unit == "us * 8") {
        return {'t', 1.0 / 8};
    }
    if (unit == "ms") {
        return {'t', 1e3};
    }
    if (unit == "ns") {
        return {'t', 1e-3};
    }
    return {unit.starts_with("bytes") ? 'b' : unit == "%" ? '%' : '1', 1};
}

} // namespace

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
    const auto given = unit_of_value(std::string(stop, end));
    if (!given) {
        return tl::unexpected(tr("there is no unit {}; it accepts ns us ms s m h, B kB MB GB TB KiB MiB GiB, bit kbit "
                                 "Mbit Gbit, %, k M G",
                                 std::string(stop, end)));
    }
    const auto own = unit_of_field(unit);
    if (given->dimension != own.dimension && given->dimension != '1') {
        return tl::unexpected(unit.empty() ? tr("{} has no unit", name)
                                           : tr("{} is in {}; this is something else", name, unit));
    }
    const double worth = given->dimension == '1' ? number * given->worth : number * given->worth / own.worth;
    // 16.1 ms are 16100 us, though binary fractions make them a little more.
    constexpr double rounding = 1e-12;
    const double whole_worth = std::round(worth);
    return Value(std::abs(worth - whole_worth) <= rounding * std::abs(worth) ? whole_worth : worth);
}

} // namespace tcp_stats
