#include "output/human.h"

#include <array>
#include <cctype>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "record/fields.h"

namespace tcp_stats {
namespace {

/// With one decimal below 100, if it is no whole number; very small ones with three.
std::string short_number(double number) {
    if (number >= 0.0005 && number < 0.095) {
        return fmt::format("{:.2g}", std::round(number * 1000) / 1000);
    }
    const double rounded = number >= 99.95 ? std::round(number) : std::round(number * 10) / 10;
    return rounded == std::floor(rounded) ? fmt::format("{:.0f}", rounded) : fmt::format("{:.1f}", rounded);
}

/// `1.2M`: as it is below `plain`, else with a decimal prefix.
std::string with_prefix(double number, double plain) {
    static constexpr std::array prefixes = {"", "k", "M", "G", "T", "P", "E"};
    std::size_t prefix = 0;
    if (number >= plain) {
        while (number >= 999.5 && prefix + 1 < prefixes.size()) {
            number /= 1000;
            ++prefix;
        }
    }
    return short_number(number) + prefixes[prefix];
}

std::string duration(double us) {
    if (us < 999.5) {
        return short_number(us) + "us";
    }
    if (us < 999.5e3) {
        return short_number(us / 1e3) + "ms";
    }
    if (us < 119.5e6) {
        return short_number(us / 1e6) + "s";
    }
    const auto seconds = static_cast<std::uint64_t>(us / 1e6);
    constexpr std::uint64_t minute = 60;
    constexpr std::uint64_t hour = 60 * minute;
    constexpr std::uint64_t day = 24 * hour;
    if (seconds < 2 * hour) {
        return fmt::format("{}m{:02}s", seconds / minute, seconds % minute);
    }
    if (seconds < 2 * day) {
        return fmt::format("{}h{:02}m", seconds / hour, seconds % hour / minute);
    }
    return fmt::format("{}d{:02}h", seconds / day, seconds % day / hour);
}

std::string human_number(double number, std::string_view unit) {
    if (number < 0) {
        return "-" + human_number(-number, unit);
    }
    constexpr double thousand = 999.5;
    constexpr double five_digits = 99999.5;
    if (unit == "bytes") {
        return with_prefix(number, thousand) + "B";
    }
    if (unit == "bytes/s") {
        return with_prefix(number, thousand) + "B/s";
    }
    if (unit == "us") {
        return duration(number);
    }
    if (unit == "us * 8") {
        return duration(number / 8);
    }
    if (unit == "ns") {
        return duration(number / 1e3);
    }
    if (unit == "ms") {
        return duration(number * 1e3);
    }
    if (unit == "%") {
        return short_number(number) + "%";
    }
    if (unit.ends_with("/s")) {
        return with_prefix(number, thousand) + "/s";
    }
    // A number without a unit may be a name: a port, a pid, an inode.
    return unit.empty() ? fmt::format("{:.0f}", number) : with_prefix(number, five_digits);
}

} // namespace

std::string human(const Value &value, std::string_view unit) {
    struct Visitor {
        std::string_view unit;
        std::string operator()(std::monostate /*absent*/) const { return {}; }
        std::string operator()(std::uint64_t number) const {
            // A double holds 53 bits.
            return unit.empty() ? std::to_string(number) : human_number(static_cast<double>(number), unit);
        }
        std::string operator()(std::int64_t number) const {
            return unit.empty() ? std::to_string(number) : human_number(static_cast<double>(number), unit);
        }
        std::string operator()(double number) const { return human_number(number, unit); }
        std::string operator()(const std::string &text) const { return printable_ascii(text); }
        std::string operator()(const Address &address) const { return to_string(address); }
        std::string operator()(const std::vector<std::uint8_t> &bytes) const {
            return fmt::format("{:02x}", fmt::join(bytes, ""));
        }
    };
    return std::visit(Visitor{unit}, value);
}

std::string heading(std::string_view name) {
    std::string text;
    const auto in_group = ending_in_group(name);
    name.remove_suffix(in_group.size());
    std::string end;
    for (const auto &[suffix, instead] : {std::pair<std::string_view, std::string_view>{"_us", ""},
                                          {"_ms", ""},
                                          {"_ns", ""},
                                          {"_per_s", "/s"},
                                          {"_pct", "%"}}) {
        if (name.ends_with(suffix)) {
            name.remove_suffix(suffix.size());
            end = instead;
            break;
        }
    }
    if (!in_group.empty()) {
        end += " " + std::string(in_group.substr(1));
    }
    for (const char c : std::string(name) + end) {
        text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return text;
}

} // namespace tcp_stats
