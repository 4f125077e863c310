// The capabilities of this thread.
#pragma once

#include <functional>

namespace tcp_stats {

bool is_permitted(unsigned capability);
bool is_in_effect(unsigned capability);

/// Those that are `wanted` and permitted are in effect from now on, and no others. Nothing is given up by that.
bool put_into_effect(const std::function<bool(unsigned capability)> &wanted);

} // namespace tcp_stats
