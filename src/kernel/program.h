// The BPF program, compiled by BCC: the only place that calls BCC's compiler.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/choices.h"
#include "base/error.h"
#include "kernel/kernel_types.h"
#include "kernel/program_text.h"

namespace ebpf {
class BPF;
class TableStorage;
} // namespace ebpf

namespace tcp_stats {

/// A BPF map as the program declares it.
struct TableDescription {
    std::string name;
    int fd;               ///< owned by the Program
    int type;             ///< enum bpf_map_type
    std::size_t key_size; ///< bytes
    std::size_t leaf_size;
    std::size_t max_entries;
    std::string leaf_desc; ///< BCC's JSON description of the value's type
};

/// Why the kernel did not load a function of the program.
struct LoadFailure {
    int error_number;
    std::string log; ///< the verifier's, and BCC's words

    /// For a function named `handler`: program_rejected with the verifier's reason where it gave one,
    /// kernel_unsupported else.
    Error as_error(const ProgramText &text, const std::string &handler) const;

    /// Whether the verifier gave a reason.
    bool is_refusal() const;
};

/// Compiled, its maps created, nothing loaded yet. Its maps and whatever was loaded from it live as
/// long as it does.
class Program {
public:
    /// Compiles `text` with its definitions against the kernel's types. Where
    /// `choice` is automatic and one source of types fails, the next is tried; a warning says that
    /// headers are used instead of BTF.
    /// Error: program_rejected with the compiler's diagnostics, kernel_unsupported without any types.
    static Result<Program> compile(const ProgramText &text, KernelTypesChoice choice);

    Program(Program &&) noexcept;
    Program &operator=(Program &&) = delete;
    ~Program();

    const ProgramText &text() const { return text_; }

    /// Loads the function `handler`; its file descriptor, which BCC owns, or nothing where the program has no such
    /// function. `type` is an enum bpf_prog_type.
    tl::expected<std::optional<int>, LoadFailure> load(const std::string &handler, int type);

    /// The table of that name, or null.
    const TableDescription *table(const std::string &name) const;

private:
    Program(ProgramText text, std::unique_ptr<ebpf::TableStorage> storage, std::unique_ptr<ebpf::BPF> bpf);

    static Result<Program> compile_with(const KernelTypes &types, const ProgramText &text);

    ProgramText text_;
    std::unique_ptr<ebpf::TableStorage> storage_; ///< outlives bpf_, which refers to it
    std::unique_ptr<ebpf::BPF> bpf_;
    std::vector<TableDescription> tables_;
};

} // namespace tcp_stats
