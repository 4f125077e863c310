#include "output/human.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "record/fields.h"

namespace tcp_stats {
namespace {

template <typename Number> void append_number(std::string &text, Number number) {
    std::array<char, 24> digits{};
    text.append(digits.data(), std::to_chars(digits.begin(), digits.end(), number).ptr);
}

/// Beyond 64 bits too.
void append_whole(std::string &text, double number) {
    if (number < 0x1p63) {
        append_number(text, static_cast<std::uint64_t>(number));
    } else {
        text += fmt::format("{:.0f}", number);
    }
}

/// With one decimal below 100, if it is no whole number; very small ones with three.
void append_short(std::string &text, double number) {
    if (number >= 0.0005 && number < 0.095) {
        text += fmt::format("{:.2g}", std::round(number * 1000) / 1000);
    } else if (number >= 99.95) {
        append_whole(text, std::round(number));
    } else {
        const auto tenths = static_cast<unsigned>(std::lround(number * 10));
        append_number(text, tenths / 10);
        if (tenths % 10 != 0) {
            text += '.';
            text += static_cast<char>('0' + tenths % 10);
        }
    }
}

/// `1.2M`: as it is below `plain`, else with a decimal prefix.
void append_with_prefix(std::string &text, double number, double plain) {
    static constexpr std::string_view prefixes = "kMGTPE";
    std::size_t prefix = 0;
    if (number >= plain) {
        while (number >= 999.5 && prefix < prefixes.size()) {
            number /= 1000;
            ++prefix;
        }
    }
    append_short(text, number);
    if (prefix > 0) {
        text += prefixes[prefix - 1];
    }
}

/// `7m05s`: the second of them with two digits.
void append_two(std::string &text, std::uint64_t first, char first_unit, std::uint64_t second, char second_unit) {
    append_number(text, first);
    text += first_unit;
    text += static_cast<char>('0' + second / 10);
    text += static_cast<char>('0' + second % 10);
    text += second_unit;
}

void append_duration(std::string &text, double us) {
    constexpr std::uint64_t minute = 60;
    constexpr std::uint64_t hour = 60 * minute;
    constexpr std::uint64_t day = 24 * hour;
    if (us < 999.5) {
        append_short(text, us);
        text += "us";
    } else if (us < 999.5e3) {
        append_short(text, us / 1e3);
        text += "ms";
    } else if (us < 119.5e6) {
        append_short(text, us / 1e6);
        text += 's';
    } else if (const auto seconds = static_cast<std::uint64_t>(us / 1e6); seconds < 2 * hour) {
        append_two(text, seconds / minute, 'm', seconds % minute, 's');
    } else if (seconds < 2 * day) {
        append_two(text, seconds / hour, 'h', seconds % hour / minute, 'm');
    } else {
        append_two(text, seconds / day, 'd', seconds % day / hour, 'h');
    }
}

/// Not of numbers below 0.
void append_in_unit(std::string &text, double number, const Unit &unit) {
    constexpr double thousand = 999.5;
    constexpr double five_digits = 99999.5;
    switch (unit.dimension) {
    case Dimension::bytes:
        append_with_prefix(text, number, thousand);
        text += unit.per_second ? "B/s" : "B";
        break;
    case Dimension::time:
        append_duration(text, number * unit.worth);
        break;
    case Dimension::share:
        append_short(text, number);
        text += '%';
        break;
    case Dimension::count:
    case Dimension::truth:
        append_with_prefix(text, number, unit.per_second ? thousand : five_digits);
        text += unit.per_second ? "/s" : "";
        break;
    case Dimension::none:
        append_whole(text, std::round(number));
    }
}

class AppendHuman {
public:
    AppendHuman(std::string &text, const Unit &unit) : text_(text), unit_(unit) {}

    void operator()(std::monostate /*absent*/) const {}
    void operator()(std::uint64_t number) const { append_integer(number); }
    void operator()(std::int64_t number) const { append_integer(number); }
    void operator()(double number) const {
        text_ += number < 0 ? "-" : "";
        append_in_unit(text_, std::abs(number), unit_);
    }
    void operator()(std::string_view text) const { append_printable_ascii(text_, text); }
    void operator()(const RawBytes &bytes) const { text_ += fmt::format("{:02x}", fmt::join(bytes.bytes, "")); }
    void operator()(const Word &word) const {
        const auto name = name_of(word);
        name.empty() ? append_number(text_, word.number) : void(text_ += name);
    }
    template <typename End> void operator()(const End &end) const {
        std::array<char, longest_end> text{};
        text_.append(text.data(), to_chars(text.data(), end));
    }

private:
    /// A double holds 53 bits, which a name may need more of.
    template <typename Number> void append_integer(Number number) const {
        if (unit_.dimension == Dimension::none) {
            append_number(text_, number);
        } else {
            (*this)(static_cast<double>(number));
        }
    }

    std::string &text_;
    const Unit &unit_;
};

} // namespace

void append_human(std::string &text, const Value &value, const Unit &unit) {
    std::visit(AppendHuman(text, unit), value);
}

std::string human(const Value &value, const Unit &unit) {
    std::string text;
    append_human(text, value, unit);
    return text;
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
