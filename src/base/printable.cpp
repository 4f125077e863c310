#include "base/printable.h"

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

} // namespace

std::string printable(std::string_view text) {
    return escape_unless(text, [](unsigned char byte) { return byte >= ' ' && byte != 0x7f; });
}

std::string printable_word(std::string_view text) {
    return escape_unless(text, [](unsigned char byte) { return byte > ' ' && byte < 0x7f && byte != '\\'; });
}

std::string printable_ascii(std::string_view text) {
    return escape_unless(text, [](unsigned char byte) { return byte >= ' ' && byte < 0x7f && byte != '\\'; });
}

} // namespace tcp_stats
