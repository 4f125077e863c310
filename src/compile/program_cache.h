// Compiled programs of earlier starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "compile/compiled_program.h"

namespace tcp_stats {

/// A directory with a file for each program. Where it fails, whatever the reason, there is no program, and only
/// --verbose says why: the program is compiled then.
class ProgramCache {
public:
    /// In a service of systemd what that gives it ($CACHE_DIRECTORY, systemd.exec(5)); else
    /// /var/cache/tcp_stats_monitor for root, $XDG_CACHE_HOME/tcp_stats_monitor (~/.cache) for others; empty where
    /// neither is known.
    static std::filesystem::path usual_place();

    /// Makes the directory where it is missing. Nothing where it cannot be used: it must be this user's own, and nobody
    /// else may write to it.
    static std::optional<ProgramCache> open(const std::filesystem::path &directory);

    /// The program that was kept under `key`, which is made of all that it depends on; nothing where there is none, or
    /// where the file is damaged, somebody else's, or of another compiler than the one that is installed.
    std::optional<CompiledProgram> find(std::string_view key) const;

    /// Keeps it, in one step; then those that were not used for the longest time go, until few enough are left.
    void keep(std::string_view key, const CompiledProgram &program) const;

    static constexpr std::size_t most_programs = 64;
    static constexpr std::uint64_t most_bytes = 32U << 20U;

private:
    ProgramCache(std::filesystem::path directory, Descriptor directory_fd);

    void remove_oldest() const;

    std::filesystem::path directory_; ///< for messages
    Descriptor directory_fd_;
};

} // namespace tcp_stats
