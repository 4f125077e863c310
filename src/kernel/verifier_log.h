// What the kernel's verifier says of a program it refuses, put in one line.
#pragma once

#include <string>

namespace tcp_stats {

/// The sentence of `log` that says why the program was refused, without the instructions and register
/// states before it and the statistics behind it, and the place of the source line it is about; empty
/// where the log has none. A source line carries its place as `; …  // file:line`.
std::string verifier_summary(const std::string &log);

/// `log` with each source place said once: kernels from 6.10 on put ` @ file:line` behind a source line
/// that carries `// file:line` already.
std::string tidy_verifier_log(const std::string &log);

} // namespace tcp_stats
