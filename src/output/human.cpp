#include "output/human.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/printable.h"
#include "record/fields.h"

namespace tcp_stats {
namespace {

/// Room for a number with its unit, and for an address.
constexpr std::size_t longest_number = 400; // a double without a fraction may have 309 digits
static_assert(longest_number > longest_end);

// Each writes to `text` and returns the end.

char *put(char *text, std::string_view word) { return std::copy(word.begin(), word.end(), text); }

char *put(char *text, std::uint32_t number) { return std::to_chars(text, text + longest_number, number).ptr; }

/// A whole number.
char *put_whole(char *text, double number) {
    return number < 0x1p32 ? put(text, static_cast<std::uint32_t>(number)) : fmt::format_to(text, "{:.0f}", number);
}

/// With one decimal below 100, if it is no whole number; very small ones with three.
char *put_short(char *text, double number) {
    if (number >= 0.0005 && number < 0.095) {
        return fmt::format_to(text, "{:.2g}", std::round(number * 1000) / 1000);
    }
    if (number >= 99.95) {
        return put_whole(text, std::round(number));
    }
    const auto tenths = static_cast<std::uint32_t>(std::lround(number * 10));
    text = put(text, tenths / 10);
    if (tenths % 10 != 0) {
        *text++ = '.';
        *text++ = static_cast<char>('0' + tenths % 10);
    }
    return text;
}

/// `1.2M`: as it is below `plain`, else with a decimal prefix.
char *put_with_prefix(char *text, double number, double plain) {
    static constexpr std::string_view prefixes = "kMGTPE";
    std::size_t prefix = 0;
    if (number >= plain) {
        while (number >= 999.5 && prefix < prefixes.size()) {
            number /= 1000;
            ++prefix;
        }
    }
    text = put_short(text, number);
    return prefix == 0 ? text : put(text, prefixes.substr(prefix - 1, 1));
}

/// `7m05s`: the second of them with two digits.
char *put_two(char *text, std::uint64_t first, char first_unit, std::uint64_t second, char second_unit) {
    text = std::to_chars(text, text + longest_number, first).ptr;
    for (const char c :
         {first_unit, static_cast<char>('0' + second / 10), static_cast<char>('0' + second % 10), second_unit}) {
        *text++ = c;
    }
    return text;
}

char *put_duration(char *text, double us) {
    constexpr std::uint64_t minute = 60;
    constexpr std::uint64_t hour = 60 * minute;
    constexpr std::uint64_t day = 24 * hour;
    if (us < 999.5) {
        return put(put_short(text, us), "us");
    }
    if (us < 999.5e3) {
        return put(put_short(text, us / 1e3), "ms");
    }
    if (us < 119.5e6) {
        return put(put_short(text, us / 1e6), "s");
    }
    const auto seconds = static_cast<std::uint64_t>(us / 1e6);
    return seconds < 2 * hour  ? put_two(text, seconds / minute, 'm', seconds % minute, 's')
           : seconds < 2 * day ? put_two(text, seconds / hour, 'h', seconds % hour / minute, 'm')
                               : put_two(text, seconds / day, 'd', seconds % day / hour, 'h');
}

char *put_in_unit(char *text, double number, const Unit &unit) {
    constexpr double thousand = 999.5;
    constexpr double five_digits = 99999.5;
    if (number < 0) {
        *text++ = '-';
        number = -number;
    }
    switch (unit.dimension) {
    case Dimension::bytes:
        return put(put_with_prefix(text, number, thousand), unit.per_second ? "B/s" : "B");
    case Dimension::time:
        return put_duration(text, number * unit.worth);
    case Dimension::share:
        return put(put_short(text, number), "%");
    case Dimension::count:
    case Dimension::truth:
        return put(put_with_prefix(text, number, unit.per_second ? thousand : five_digits),
                   unit.per_second ? "/s" : "");
    case Dimension::none:
        break;
    }
    return put_whole(text, std::round(number));
}

struct Human {
    const Unit &unit;
    std::string &memory; ///< of at least `longest_number`

    std::string_view operator()(std::monostate /*absent*/) const { return {}; }
    std::string_view operator()(std::uint64_t number) const { return of_integer(number); }
    std::string_view operator()(std::int64_t number) const { return of_integer(number); }
    std::string_view operator()(double number) const { return up_to(put_in_unit(memory.data(), number, unit)); }
    std::string_view operator()(std::string_view text) const {
        return is_printable_ascii(text) ? text : memory.assign(shown_text(text));
    }
    std::string_view operator()(const RawBytes &bytes) const { return memory.assign(to_string(bytes)); }
    std::string_view operator()(const Word &word) const {
        const auto name = name_of(word);
        return name.empty() ? up_to(std::to_chars(memory.data(), memory.data() + longest_number, word.number).ptr)
                            : name;
    }
    template <typename End> std::string_view operator()(const End &end) const {
        return up_to(to_chars(memory.data(), end));
    }

private:
    /// A double holds 53 bits, which a name may need more of.
    template <typename Number> std::string_view of_integer(Number number) const {
        return unit.dimension == Dimension::none
                   ? up_to(std::to_chars(memory.data(), memory.data() + longest_number, number).ptr)
                   : (*this)(static_cast<double>(number));
    }

    std::string_view up_to(const char *end) const { return {memory.data(), end}; }
};

} // namespace

std::string_view human(const Value &value, const Unit &unit, std::string &memory) {
    if (memory.size() < longest_number) {
        memory.resize(longest_number);
    }
    return std::visit(Human{unit, memory}, value);
}

std::size_t most_characters(const Unit &unit) {
    switch (unit.dimension) {
    case Dimension::time:
        return std::string_view("119m59s").size();
    case Dimension::bytes:
        return std::string_view(unit.per_second ? "12.3MB/s" : "12.3MB").size();
    case Dimension::none:
        return std::string_view("18446744073709551615").size();
    default:
        return std::string_view("0.033/s").size();
    }
}

std::string human(const Value &value, const Unit &unit) {
    std::string memory;
    return std::string(human(value, unit, memory));
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
            end = instead.empty() && is_shown_name(name) ? " time" : instead; // of state_ms, beside state
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
