// What this process has taken.
#pragma once

#include <cstdint>

namespace tcp_stats {

/// Of all threads, in user space and in the kernel, in seconds.
double own_cpu_s();

std::uint64_t own_resident_bytes();

} // namespace tcp_stats
