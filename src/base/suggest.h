// "Did you mean": the word that is nearest to a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tcp_stats {

/// Of `words` the one that is fewest insertions, deletions, replacements and swaps of neighbours away, if it is near
/// enough to be meant; else empty.
std::string nearest_word(std::string_view word, const std::vector<std::string> &words);

} // namespace tcp_stats
