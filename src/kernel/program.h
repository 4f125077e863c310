// A compiled program in the kernel: its maps, and what is loaded of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "base/descriptor.h"
#include "base/error.h"
#include "compile/compiled_program.h"
#include "snapshot/program_runs.h"

namespace tcp_stats {

/// Why the kernel did not load a handler.
struct LoadFailure {
    int error_number;
    std::string log; ///< the verifier's; empty where it was not asked

    /// Whether the verifier gave a reason.
    bool is_refusal() const;
};

/// A map of the program, in the kernel. The description and the descriptor are the Program's.
struct Map {
    const MapDescription *description;
    int fd;
};

/// Its maps exist as long as it does, and so does what was loaded.
class Program {
public:
    /// What to show of a refusal with that error number and log.
    using WordsAboutRefusal = std::function<std::string(int error_number, const std::string &log)>;

    /// Creates the maps. `flows_option`: the option that sets how many entries flow_stats has, or empty. Errors:
    /// program_rejected, where the kernel does not accept one; usage, where that option asks for too many;
    /// kernel_unsupported, where the system refuses maps altogether.
    static Result<Program> create(CompiledProgram compiled, WordsAboutRefusal words_about_refusal,
                                  std::string flows_option);

    const CompiledProgram &compiled() const { return compiled_; }
    const std::string &name() const { return compiled_.name; }

    /// The map of that name; nothing where the program has none.
    std::optional<Map> map(std::string_view name) const;

    /// Loads a handler; its descriptor, which is the Program's.
    tl::expected<int, LoadFailure> load(const Handler &handler);

    /// How long each handler that was loaded has run since then. Empty where the kernel does not count that
    /// (kernel.bpf_stats_enabled).
    std::vector<ProgramRuns> runs() const;

    /// What to say of it: program_rejected with the verifier's reason where it gave one, kernel_unsupported else.
    Error error_of(const LoadFailure &failure, const Handler &handler) const;

    /// The same as details of another error.
    std::string words_of(const LoadFailure &failure) const;

private:
    Program(CompiledProgram compiled, WordsAboutRefusal words_about_refusal, std::string flows_option);

    Result<Descriptor> create_map(const MapDescription &map) const;
    Error error_of(const MapDescription &map, int error_number) const;

    CompiledProgram compiled_;
    WordsAboutRefusal words_about_refusal_;
    std::string flows_option_;
    Descriptor btf_;               ///< none: there is none, or the kernel does not take it
    std::vector<Descriptor> maps_; ///< in the order of compiled_.maps
    struct Loaded {
        std::string name;
        Descriptor program;
    };
    std::vector<Loaded> handlers_;
};

} // namespace tcp_stats
