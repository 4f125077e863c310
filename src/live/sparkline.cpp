#include "live/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tcp_stats {

std::string sparkline(const std::vector<float> &values, float highest, bool unicode) {
    static constexpr std::array blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr std::array ascii = {"_", ".", "-", "~", "=", "+", "*", "#"};
    const auto &bars = unicode ? blocks : ascii;
    std::string text;
    for (const float value : values) {
        if (std::isnan(value)) {
            text += ' ';
            continue;
        }
        const auto share = highest > 0 ? std::clamp(value / highest, 0.0F, 1.0F) : 0.0F;
        text += bars[static_cast<std::size_t>(std::lround(share * static_cast<float>(bars.size() - 1)))];
    }
    return text;
}

} // namespace tcp_stats
