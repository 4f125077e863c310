#include "base/suggest.h"

#include <algorithm>

namespace tcp_stats {
namespace {

/// Optimal string alignment distance.
std::size_t distance(std::string_view one, std::string_view other) {
    std::vector<std::vector<std::size_t>> cost(one.size() + 1, std::vector<std::size_t>(other.size() + 1));
    for (std::size_t i = 0; i <= one.size(); ++i) {
        for (std::size_t j = 0; j <= other.size(); ++j) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            const std::size_t replace = one[i - 1] == other[j - 1] ? 0 : 1;
            cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + replace});
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[one.size()][other.size()];
}

} // namespace

std::string nearest_word(std::string_view word, const std::vector<std::string> &words) {
    constexpr std::size_t longest = 64; // a mistyped name is not longer
    std::string nearest;
    auto least = std::max<std::size_t>(1, std::min(word.size(), longest) / 3) + 1;
    for (const auto &candidate : words) {
        if (word.size() > longest || candidate.size() > longest) {
            continue;
        }
        if (const auto steps = distance(word, candidate); steps < least) {
            least = steps;
            nearest = candidate;
        }
    }
    return nearest;
}

} // namespace tcp_stats
