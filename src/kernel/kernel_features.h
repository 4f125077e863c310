// What the running kernel has, told to the program as definitions.
#pragma once

#include <string>
#include <vector>

#include "kernel/program_text.h"

namespace tcp_stats {

/// `SOCKET_WALK` where the kernel can iterate over TCP sockets (Linux 5.9, with BTF), `RING_BUFFER` where it has
/// BPF ring buffers (Linux 5.8), `KERNEL_HZ=N`, and `KERNEL_HAS(S, M)`: 1 for each struct S and member M that
/// `program` asks for so and that the kernel's BTF has; without BTF it has none.
std::vector<std::string> feature_definitions(const ProgramText &program);

} // namespace tcp_stats
