#include "output/utf8.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <utf8.h>

namespace tcp_stats {

bool is_plain_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

bool is_plain_in_json(std::string_view text) { return is_plain_ascii(text) && text.find_first_of("\"\\") == text.npos; }

std::string valid_utf8(std::string_view text) {
    std::string valid;
    utf8::replace_invalid(text.begin(), text.end(), std::back_inserter(valid));
    return valid;
}

std::string json_string(std::string_view text) {
    std::u16string characters;
    const auto valid = valid_utf8(text);
    utf8::utf8to16(valid.begin(), valid.end(), std::back_inserter(characters));
    std::string quoted = "\"";
    for (const auto character : characters) {
        static constexpr std::u16string_view escaped = u"\"\\\b\f\n\r\t";
        static constexpr std::string_view letters = "\"\\bfnrt";
        if (const auto place = escaped.find(character); place != escaped.npos) {
            quoted += '\\';
            quoted += letters[place];
        } else if (character >= u' ' && character < 0x7f) {
            quoted += static_cast<char>(character);
        } else {
            quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(character));
        }
    }
    return quoted + '"';
}

} // namespace tcp_stats
