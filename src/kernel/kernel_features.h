// What the running kernel has that its types do not tell.
#pragma once

#include <string>
#include <vector>

namespace tcp_stats {

/// For the program: `RING_BUFFER` where the kernel has BPF ring buffers (Linux 5.8), and `KERNEL_HZ=N`, its timer ticks
/// per second.
std::vector<std::string> running_kernel_definitions();

} // namespace tcp_stats
