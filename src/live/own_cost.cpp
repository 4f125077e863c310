#include "live/own_cost.h"

#include <chrono>

#include "base/own_usage.h"

namespace tcp_stats {

std::function<Cost()> own_cost() {
    using Clock = std::chrono::steady_clock;
    return [cpu_s = own_cpu_s(), time = Clock::now()]() mutable {
        const auto cpu_now_s = own_cpu_s();
        const auto now = Clock::now();
        const double elapsed_s = std::chrono::duration<double>(now - time).count();
        const Cost cost{elapsed_s > 0 ? 100 * (cpu_now_s - cpu_s) / elapsed_s : 0, own_resident_bytes()};
        cpu_s = cpu_now_s;
        time = now;
        return cost;
    };
}

} // namespace tcp_stats
