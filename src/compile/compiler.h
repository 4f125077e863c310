// Compiles a program: by tcp_stats_compile, or not at all where an earlier start did.
#pragma once

#include <optional>
#include <string>

#include "base/choices.h"
#include "base/error.h"
#include "compile/compile_request.h"
#include "compile/compiled_program.h"
#include "compile/program_text.h"

namespace tcp_stats {

struct CompileSettings {
    KernelTypesChoice types = KernelTypesChoice::automatic;
    bool use_cache = true;
    int stop_fd = -1; ///< readable: the compile is to be given up; -1: never
};

/// Compiles `text` with its definitions for the running kernel. Where `settings.types` is automatic and one source of
/// types fails, the next is tried; a warning says that headers are used instead of BTF. Nothing where it was given up.
/// Errors: program_rejected with the compiler's diagnostics; kernel_unsupported without any types, without a compiler,
/// or where memory or time runs out; defect, when the compiler crashes.
Result<std::optional<CompiledProgram>> compile(const ProgramText &text, const CompileSettings &settings);

/// One request, without the cache. Nothing where it was given up. Errors: those of `compile`.
Result<std::optional<CompiledProgram>> run_compiler(const CompileRequest &request, const ProgramText &text,
                                                    int stop_fd);

/// What BCC says of a program that the kernel refused with that error number and that log of its verifier: both, and
/// what it advises. Just the log where there is no compiler.
std::string words_about_refusal(int error_number, const std::string &log);

/// The versions of libbcc and LLVM in use, for --version. Error: kernel_unsupported, without a compiler.
Result<std::string> compiler_versions();

} // namespace tcp_stats
