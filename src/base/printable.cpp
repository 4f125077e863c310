#include "base/printable.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

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

bool is_plain_in_word(unsigned char byte) { return byte > ' ' && byte < 0x7f && byte != '\\'; }
bool is_plain_in_line(unsigned char byte) { return byte == ' ' || is_plain_in_word(byte); }

} // namespace

std::string printable(std::string_view text) {
    // U+0080 to U+009F, C2 80 to C2 9F in UTF-8, are control characters too.
    unsigned char before = 0;
    auto escaped = escape_unless(text, [&](unsigned char byte) {
        const bool c1 = before == 0xc2 && byte >= 0x80 && byte < 0xa0;
        before = byte;
        return byte >= ' ' && byte != 0x7f && !c1;
    });
    return escaped;
}

std::string printable_word(std::string_view text) { return escape_unless(text, is_plain_in_word); }

std::string printable_ascii(std::string_view text) { return escape_unless(text, is_plain_in_line); }

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
