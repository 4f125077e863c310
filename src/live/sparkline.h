// A row of small bars.
#pragma once

#include <string>
#include <vector>

namespace tcp_stats {

/// Bars from 0 to `highest`, a cell for each value; NaN leaves a blank. Block elements (U+2581 and on), or ASCII where
/// the terminal has no `unicode`.
std::string sparkline(const std::vector<float> &values, float highest, bool unicode);

} // namespace tcp_stats
