// What this process costs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace tcp_stats {

struct Cost {
    double cpu_percent = 0;         ///< of one CPU, since it was asked before
    std::uint64_t memory_bytes = 0; ///< resident
};

/// Asks the kernel, each time since the time before.
std::function<Cost()> own_cost();

} // namespace tcp_stats
