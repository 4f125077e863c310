// Text of unknown origin, made harmless for a terminal and for a line-oriented reader.
#pragma once

#include <string>
#include <string_view>

namespace tcp_stats {

/// `text` with its control characters as \xNN, so that it stays on one line and sends a terminal no
/// commands. Other bytes, UTF-8 among them, stay.
std::string printable(std::string_view text);

/// `text` as one word of printable ASCII: all other bytes, spaces and backslashes as \xNN.
std::string printable_word(std::string_view text);

/// The same with its spaces.
std::string printable_ascii(std::string_view text);

/// What `printable_word` or `printable_ascii` was given.
std::string unescaped(std::string_view text);

/// Whether these leave `text` as it is.
bool is_printable_word(std::string_view text);
bool is_printable_ascii(std::string_view text);

} // namespace tcp_stats
