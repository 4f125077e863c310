// What a kernel's types tell of what it has.
#pragma once

#include <string>
#include <vector>

#include "compile/program_text.h"

struct btf;

namespace tcp_stats {

/// For the program: `SOCKET_WALK` where the kernel can iterate over TCP sockets (Linux 5.9); `KERNEL_HAS(S, M)`: 1 for
/// each struct S and member M that `program` asks for so and that the kernel has; `KERNEL_HAS_FUNCTION(F)` likewise.
/// Without BTF (null) it has none.
std::vector<std::string> feature_definitions(const struct btf *btf, const ProgramText &program);

/// Members of unnamed structs and unions count as the outer one's, as in C.
bool has_member(const struct btf *btf, const std::string &type, const std::string &member);

} // namespace tcp_stats
