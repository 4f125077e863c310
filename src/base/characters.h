// Characters of UTF-8, and the cells that they take on a terminal.
#pragma once

#include <optional>
#include <string_view>

namespace tcp_stats {

/// Whether the user's locale has UTF-8, and so the terminal.
bool is_utf8_locale();

struct Character {
    char32_t code;
    std::size_t length; ///< in bytes
};

/// What `text` (not empty) begins with; nothing where that is no UTF-8 (RFC 3629).
std::optional<Character> first_character(std::string_view text);

/// The first character of `text` (UTF-8, not empty), which it is taken from.
char32_t take_character(std::string_view &text);

/// The cells that a character takes; 1 where the locale does not know it.
std::size_t cells_of(char32_t character);

/// The cells that `text` (UTF-8) takes.
std::size_t cells(std::string_view text);

} // namespace tcp_stats
