// What the compiler is asked for.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compile/compiled_program.h"
#include "compile/program_text.h"

namespace tcp_stats {

/// A kernel that a program is compiled for.
struct TargetKernel {
    std::string release; ///< as uname -r says it
    std::string btf;     ///< a file with its types in BTF
};

struct CompileRequest {
    ProgramText program;
    TypeSource types = TypeSource::btf;
    TargetKernel kernel;
    /// Where the compiler makes the directory for its files, which is gone afterwards. It must not exist.
    std::string private_directory;
};

/// Where in the private directory the files of ProgramText::files lie, each under its absolute path.
std::string included_files_in(const std::string &private_directory);

std::string to_bytes(const CompileRequest &request);

/// Error: defect, where the bytes are no request of this version.
Result<CompileRequest> request_from_bytes(std::string_view bytes);

} // namespace tcp_stats
