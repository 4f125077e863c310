#include "base/printable.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cwchar>

#include <fmt/format.h>

#include "base/characters.h"

namespace tcp_stats {
namespace {

template <typename IsPlain> std::string escape_unless(std::string_view text, IsPlain is_plain) {
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        result += is_plain(byte) ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
    }
    return result;
}

void append_escaped(std::string &result, std::string_view bytes) {
    for (const char c : bytes) {
        result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
}

/// Bytes that are no UTF-8 are never plain.
template <typename IsPlain> std::string escape_characters(std::string_view text, IsPlain is_plain) {
    std::string result;
    while (!text.empty()) {
        const auto character = first_character(text);
        const auto bytes = text.substr(0, character ? character->length : 1);
        if (character && is_plain(character->code)) {
            result += bytes;
        } else {
            append_escaped(result, bytes);
        }
        text.remove_prefix(bytes.size());
    }
    return result;
}

struct CharacterRange {
    char32_t first, last;
};

template <std::size_t count> bool is_in(const std::array<CharacterRange, count> &ranges, char32_t code) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const CharacterRange &range) { return code >= range.first && code <= range.last; });
}

/// What a terminal obeys, and what changes how the text around it looks, or hides in it.
bool is_invisible(char32_t code) {
    static constexpr std::array<CharacterRange, 17> invisible = {{
        {0x00, 0x1f},       // C0
        {0x7f, 0x9f},       // DEL, C1
        {0xad, 0xad},       // soft hyphen
        {0x34f, 0x34f},     // combining grapheme joiner
        {0x61c, 0x61c},     // Arabic letter mark
        {0x115f, 0x1160},   // Hangul fillers
        {0x17b4, 0x17b5},   // Khmer vowels that are not shown
        {0x180b, 0x180f},   // Mongolian selectors
        {0x200b, 0x200f},   // of no width; marks of direction
        {0x2028, 0x202e},   // separators of lines and paragraphs; embeddings and overrides of direction
        {0x2060, 0x206f},   // of no width; isolates of direction
        {0x3164, 0x3164},   // Hangul filler
        {0xfeff, 0xfeff},   // byte order mark
        {0xffa0, 0xffa0},   // Hangul filler
        {0xfff0, 0xfffb},   // annotations
        {0xfffe, 0xffff},   // no characters
        {0xe0000, 0xe0fff}, // tags; selectors
    }};
    return is_in(invisible, code);
}

/// As a terminal of the user's locale shows it.
std::string shown(std::string_view text) {
    bool after_character = false; // which a mark of no width of its own can go with
    return escape_characters(text, [&](char32_t code) {
        const int width = wcwidth(static_cast<wchar_t>(code)); // -1 where the locale does not know it
        const bool plain = !is_invisible(code) && code != '\\' && width >= 0 && (width > 0 || after_character);
        after_character = plain;
        return plain;
    });
}

constexpr auto is_plain_in_word = [](unsigned char byte) { return byte > ' ' && byte < 0x7f && byte != '\\'; };
constexpr auto is_plain_in_line = [](unsigned char byte) { return byte == ' ' || is_plain_in_word(byte); };

} // namespace

std::string printable(std::string_view text) {
    return escape_characters(text, [](char32_t code) { return !is_invisible(code); });
}

std::string printable_word(std::string_view text) { return escape_unless(text, is_plain_in_word); }

std::string printable_ascii(std::string_view text) { return escape_unless(text, is_plain_in_line); }

std::string shown_text(std::string_view text) { return is_utf8_locale() ? shown(text) : printable_ascii(text); }

std::string unescaped(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        const auto *digits = text.data() + i + 2;
        if (text.substr(i).starts_with("\\x") && i + 4 <= text.size() &&
            std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            bytes += static_cast<char>(byte);
            i += 3;
        } else {
            bytes += text[i];
        }
    }
    return bytes;
}

bool is_printable_word(std::string_view text) { return std::all_of(text.begin(), text.end(), is_plain_in_word); }

bool is_printable_ascii(std::string_view text) { return std::all_of(text.begin(), text.end(), is_plain_in_line); }

} // namespace tcp_stats
