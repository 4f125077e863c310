// Text in the cells of a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/characters.h"
#include "live/picture.h"

namespace tcp_stats {

/// The beginning of `text` that fits into `width` cells; where that is not all, it ends with `~`.
std::string cut(std::string_view text, std::size_t width);

/// The same with the `~` in the middle, so that both ends are seen.
std::string cut_middle(std::string_view text, std::size_t width);

/// As `cut`, filled up with blanks: behind, or before.
std::string fitted(std::string_view text, std::size_t width);
std::string fitted_right(std::string_view text, std::size_t width);

std::size_t cells(const Line &line);
Line cut(Line line, std::size_t width);

/// Words on lines of at most `width` cells.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// UTF-8 of a character and of text.
std::string utf8(char32_t character);
std::string utf8(std::u32string_view text);

} // namespace tcp_stats
