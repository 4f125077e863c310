#include "live/own_cost.h"

#include <ctime>
#include <fstream>

#include <unistd.h>

namespace tcp_stats {
namespace {

double seconds_of(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm"); // size, resident, … in pages, proc(5)
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

std::function<Cost()> own_cost() {
    return [cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID), wall_s = seconds_of(CLOCK_MONOTONIC)]() mutable {
        const double cpu_now_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        const double wall_now_s = seconds_of(CLOCK_MONOTONIC);
        const double elapsed_s = wall_now_s - wall_s;
        const Cost cost{elapsed_s > 0 ? 100 * (cpu_now_s - cpu_s) / elapsed_s : 0, resident_bytes()};
        cpu_s = cpu_now_s;
        wall_s = wall_now_s;
        return cost;
    };
}

} // namespace tcp_stats
