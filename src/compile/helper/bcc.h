// BCC's compiler: the only place that calls libbcc.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "compile/compile_request.h"
#include "compile/compiled_program.h"

struct btf;

namespace tcp_stats {

/// Writes the files that a compile of `text` reads to `directory`. Throws std::ios_base::failure and
/// std::filesystem::filesystem_error.
void write_program(const std::filesystem::path &directory, const ProgramText &text);

/// Compiles the request's program. What `write_program` writes, and the tree of types where it has one, lie in
/// `directory`, which is the current one. `btf` are the kernel's types, null where it has none; `features` is defined
/// before all else. Where it does not compile this ends the process with status 1, as LLVM does by itself, and standard
/// error has said why.
Result<CompiledProgram> compile_with_bcc(const CompileRequest &request, const std::filesystem::path &directory,
                                         const struct btf *btf, const std::vector<std::string> &features);

/// Writes to standard error what BCC says where the kernel refuses a program with that error number and log.
void say_refusal(int error_number, const std::string &log);

/// `libbcc 0.26.0`, and the same of LLVM, in a line each.
std::string bcc_versions();

} // namespace tcp_stats
