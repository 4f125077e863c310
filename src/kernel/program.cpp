#include "kernel/program.h"

#include <cerrno>
#include <cstring>
#include <exception>
#include <optional>
#include <regex>

#include <bcc/BPF.h>
#include <spdlog/spdlog.h>

#include "base/translate.h"
#include "kernel/captured_output.h"

namespace tcp_stats {
namespace {

/// Clang's words of the first attempt. BCC compiles a program that fails once more with another
/// bpf.h, and then prints everything again.
std::string first_diagnostics(const std::string &output) {
    return output.substr(0, output.find("WARNING: compilation failure, trying with system bpf.h"));
}

/// The first line with a verdict, for the one-line message: `my.c:12:5: error: …`.
std::string first_error(const std::string &diagnostics) {
    static const std::regex error_line("^.*\\berror: .*$", std::regex::multiline);
    std::smatch match;
    return std::regex_search(diagnostics, match, error_line) ? match.str() : std::string();
}

/// Whether other kernel types could mend what Clang complains of.
bool types_may_be_at_fault(const std::string &diagnostics) {
    static const std::regex pattern("incomplete|unknown type name|undeclared|no member named|file not found|"
                                    "redefinition|tcp_stats_monitor_kernel_types|include/|implicit declaration|"
                                    "subscript of pointer|undefined");
    return std::regex_search(diagnostics, pattern);
}

std::vector<TypeSource> sources_to_try(KernelTypesChoice choice) {
    switch (choice) {
    case KernelTypesChoice::btf:
        return {TypeSource::btf, TypeSource::whole_btf};
    case KernelTypesChoice::headers:
        return {TypeSource::headers};
    case KernelTypesChoice::automatic:
        break;
    }
    std::vector<TypeSource> sources;
    if (kernel_has_btf()) {
        sources = {TypeSource::btf, TypeSource::whole_btf};
    }
    if (kernel_headers_installed()) {
        sources.push_back(TypeSource::headers);
    }
    return sources;
}

} // namespace

Result<Program> Program::compile(const ProgramText &text, const std::vector<std::string> &definitions,
                                 KernelTypesChoice choice) {
    const auto sources = sources_to_try(choice);
    if (sources.empty()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("no kernel types: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF) and no headers are "
                       "installed; install its linux-headers package"));
    }
    std::optional<Error> first_failure;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        auto types = KernelTypes::prepare(sources[i], text);
        if (!types) {
            return tl::unexpected(first_failure ? *first_failure : types.error());
        }
        auto program = compile_with(*types, text, definitions);
        if (program) {
            if (first_failure && sources[i] == TypeSource::headers) {
                spdlog::warn(tr("{} does not compile with types from {}; using {}", text.name,
                                to_string(sources.front()), to_string(sources[i])));
            }
            spdlog::debug(tr("{} compiled, with types from {}", text.name, to_string(sources[i])));
            return program;
        }
        if (!first_failure) {
            first_failure = program.error();
        }
        if (program.error().kind != ErrorKind::program_rejected || !types_may_be_at_fault(program.error().details)) {
            break;
        }
        if (i + 1 < sources.size()) {
            spdlog::debug(tr("{} does not compile with types from {}; trying {}", text.name, to_string(sources[i]),
                             to_string(sources[i + 1])));
        }
    }
    return tl::unexpected(*first_failure);
}

Result<Program> Program::compile_with(const KernelTypes &, const ProgramText &text,
                                      const std::vector<std::string> &definitions) {
    std::vector<std::string> flags = {"-fms-extensions", "-Wno-microsoft-anon-tag"};
    if (!text.directory.empty()) {
        flags.push_back("-iquote" + text.directory.string());
    }
    for (const auto &definition : definitions) {
        flags.push_back("-D" + definition);
    }
    auto storage = ebpf::createSharedTableStorage();
    auto bpf = std::make_unique<ebpf::BPF>(0, storage.get(), /*rw_engine_enabled=*/false);

    bool compiled = false;
    std::string thrown;
    CapturedOutput capture;
    errno = 0;
    try {
        compiled = bpf->init("#line 1 \"" + text.name + "\"\n" + text.text, flags).ok();
    } catch (const std::exception &exception) {
        thrown = exception.what();
    }
    const int error_number = errno;
    const auto output = capture.finish();

    if (compiled) {
        if (!output.empty()) {
            spdlog::debug("BCC: {}", output);
        }
        return Program(text, std::move(storage), std::move(bpf));
    }
    const auto diagnostics = first_diagnostics(thrown.empty() ? output : thrown + "\n" + output);
    if (const auto error = first_error(diagnostics); !error.empty()) {
        return fail(ErrorKind::program_rejected, tr("{} does not compile: {}", text.name, error), diagnostics);
    }
    if (diagnostics.find("could not open bpf map") != std::string::npos) {
        return fail(
            error_number == EPERM ? ErrorKind::kernel_unsupported : ErrorKind::program_rejected,
            tr("the kernel refuses a map of {}: {}; see its declaration", text.name, std::strerror(error_number)),
            diagnostics);
    }
    return fail(ErrorKind::program_rejected, tr("{} does not compile; what BCC says follows", text.name), diagnostics);
}

Program::Program(ProgramText text, std::unique_ptr<ebpf::TableStorage> storage, std::unique_ptr<ebpf::BPF> bpf)
    : text_(std::move(text)), storage_(std::move(storage)), bpf_(std::move(bpf)) {
    for (auto entry = storage_->begin(); entry != storage_->end(); ++entry) {
        const ebpf::TableDesc &desc = entry->second;
        tables_.push_back({desc.name, static_cast<int>(desc.fd), desc.type, desc.key_size, desc.leaf_size,
                           desc.max_entries, desc.leaf_desc});
    }
}

Program::Program(Program &&) noexcept = default;
Program::~Program() = default;

const TableDescription *Program::table(const std::string &name) const {
    for (const auto &table : tables_) {
        if (table.name == name) {
            return &table;
        }
    }
    return nullptr;
}

} // namespace tcp_stats
