#include "base/characters.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <cwchar>

#include <langinfo.h>

namespace tcp_stats {
namespace {

/// The bytes of a character, by its first one; 1 where no character begins so.
std::size_t length_by_first(char first) {
    const auto byte = static_cast<unsigned char>(first);
    return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

char32_t decoded(std::string_view bytes) {
    static constexpr std::array<char32_t, 5> bits_of_first = {0, 0xff, 0x1f, 0x0f, 0x07};
    auto code = static_cast<char32_t>(static_cast<unsigned char>(bytes.front())) & bits_of_first.at(bytes.size());
    for (const char further : bytes.substr(1)) {
        code = (code << 6U) | (static_cast<unsigned char>(further) & 0x3fU);
    }
    return code;
}

} // namespace

bool is_utf8_locale() { return std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0; }

std::optional<Character> first_character(std::string_view text) {
    const auto length = length_by_first(text.front());
    const auto bytes = text.substr(0, length);
    const bool continues = std::all_of(bytes.begin() + 1, bytes.end(), [](char further) {
        return (static_cast<unsigned char>(further) & 0xc0U) == 0x80U;
    });
    if (bytes.size() < length || !continues) {
        return std::nullopt;
    }
    // The shortest form is the only one; surrogates are no characters.
    static constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    static constexpr std::array<char32_t, 5> most = {0, 0x7f, 0x7ff, 0xffff, 0x10ffff};
    const auto code = decoded(bytes);
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < least.at(length) || code > most.at(length) || surrogate ||
                   static_cast<unsigned char>(text.front()) >= 0xf8
               ? std::nullopt
               : std::optional(Character{code, length});
}

char32_t take_character(std::string_view &text) {
    const auto bytes = text.substr(0, length_by_first(text.front()));
    text.remove_prefix(bytes.size());
    return decoded(bytes);
}

std::size_t cells_of(char32_t character) {
    const int width = wcwidth(static_cast<wchar_t>(character)); // -1 where the locale does not know it
    return width < 0 ? 1 : static_cast<std::size_t>(width);
}

std::size_t cells(std::string_view text) {
    if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
        return text.size();
    }
    std::size_t sum = 0;
    while (!text.empty()) {
        sum += cells_of(take_character(text));
    }
    return sum;
}

} // namespace tcp_stats
