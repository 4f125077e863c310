// Text of unknown origin as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace tcp_stats {

/// Whether it is printable ASCII, and nothing else.
bool is_plain_ascii(std::string_view text);

/// `text` with U+FFFD in place of what is no UTF-8.
std::string valid_utf8(std::string_view text);

/// Whether a JSON string has it as it is.
bool is_plain_in_json(std::string_view text);

/// `text` as a JSON string with its quotation marks (RFC 8259), in ASCII: other characters are \uNNNN, bytes that are
/// no UTF-8 U+FFFD.
std::string json_string(std::string_view text);

} // namespace tcp_stats
