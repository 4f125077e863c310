// Which of the kernel's types a program needs.
#pragma once

#include <cstdint>
#include <vector>

#include "compile/program_text.h"

struct btf;

namespace tcp_stats {

/// Ids of the types and constants of `btf` that the program's text names, of those that every program
/// takes for granted, and of the structs behind the pointers that it follows: those that a member of
/// a chosen struct points to, if the text has the member's name. What a chosen type consists of comes
/// with it when it is printed.
std::vector<std::uint32_t> select_types(const struct btf *btf, const ProgramText &program);

} // namespace tcp_stats
