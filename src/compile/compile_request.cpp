#include "compile/compile_request.h"

#include "base/translate.h"
#include "compile/packed.h"

namespace tcp_stats {

static auto members(ProgramText &program) {
    return std::tie(program.text, program.name, program.directory, program.definitions, program.files, program.headers);
}

static auto members(TargetKernel &kernel) { return std::tie(kernel.release, kernel.btf); }

static auto members(CompileRequest &request) {
    return std::tie(request.program, request.types, request.kernel, request.private_directory);
}

std::string included_files_in(const std::string &private_directory) { return private_directory + "/included"; }

std::string to_bytes(const CompileRequest &request) { return pack(request); }

Result<CompileRequest> request_from_bytes(std::string_view bytes) {
    try {
        return unpack<CompileRequest>(bytes);
    } catch (const std::exception &) {
        return fail(ErrorKind::defect, tr("tcp_stats_compile is a part of tcp_stats_monitor, which starts it; standard "
                                          "input is no request of this version"));
    }
}

} // namespace tcp_stats
