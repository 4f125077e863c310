// The kernel's types as a tree of headers, which BCC takes for a kernel's source.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "compile/compile_request.h"

struct btf;

namespace tcp_stats {

/// Writes the tree. `btf` has the types. Error: defect, where they cannot be printed.
/// Throws std::ios_base::failure and std::filesystem::filesystem_error.
Result<void> write_kernel_types(const std::filesystem::path &tree, const CompileRequest &request,
                                const struct btf *btf);

/// A file and the directories it lies in. Throws the same.
void write_file(const std::filesystem::path &file, const std::string &text);

} // namespace tcp_stats
