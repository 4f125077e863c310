// Text of unknown origin, made harmless for a terminal and for a line-oriented reader.
#pragma once

#include <string>
#include <string_view>

namespace tcp_stats {

/// `text` with its control characters, what else is not to be seen in it (marks of direction, characters of no width,
/// ends of lines) and bytes that are no UTF-8 as \xNN, so that it stays on one line, is what it looks like, and sends a
/// terminal no commands. All other characters stay.
std::string printable(std::string_view text);

/// `text` as one word of printable ASCII: all other bytes, spaces and backslashes as \xNN.
std::string printable_word(std::string_view text);

/// The same with its spaces.
std::string printable_ascii(std::string_view text);

/// The same for a terminal of the user's locale: where that has UTF-8, characters stay that can be seen, as in
/// `printable`. Backslashes are \x5c here too.
std::string shown_text(std::string_view text);

/// What one of these was given, but for `printable`.
std::string unescaped(std::string_view text);

/// Whether these leave `text` as it is.
bool is_printable_word(std::string_view text);
bool is_printable_ascii(std::string_view text);

} // namespace tcp_stats
