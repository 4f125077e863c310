#include "base/own_usage.h"

#include <ctime>
#include <fstream>

#include <unistd.h>

namespace tcp_stats {

double own_cpu_s() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::uint64_t own_resident_bytes() {
    std::ifstream file("/proc/self/statm"); // size, resident, … in pages, proc(5)
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

} // namespace tcp_stats
