#include "base/printable.h"

#include <algorithm>

#include <fmt/format.h>

namespace tcp_stats {
namespace {

template <typename IsPlain> void append_escaped(std::string &result, std::string_view text, IsPlain is_plain) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_plain(byte)) {
            result += c;
        } else {
            result += fmt::format("\\x{:02x}", byte);
        }
    }
}

bool is_plain_in_word(unsigned char byte) { return byte > ' ' && byte < 0x7f && byte != '\\'; }

} // namespace

std::string printable(std::string_view text) {
    // U+0080 to U+009F, C2 80 to C2 9F in UTF-8, are control characters too.
    unsigned char before = 0;
    std::string escaped;
    append_escaped(escaped, text, [&](unsigned char byte) {
        const bool c1 = before == 0xc2 && byte >= 0x80 && byte < 0xa0;
        before = byte;
        return byte >= ' ' && byte != 0x7f && !c1;
    });
    return escaped;
}

std::string printable_word(std::string_view text) {
    std::string escaped;
    append_escaped(escaped, text, is_plain_in_word);
    return escaped;
}

void append_printable_ascii(std::string &result, std::string_view text) {
    append_escaped(result, text, [](unsigned char byte) { return byte == ' ' || is_plain_in_word(byte); });
}

std::string printable_ascii(std::string_view text) {
    std::string escaped;
    append_printable_ascii(escaped, text);
    return escaped;
}

bool is_printable_word(std::string_view text) { return std::all_of(text.begin(), text.end(), is_plain_in_word); }

} // namespace tcp_stats
