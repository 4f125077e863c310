// Why this system refuses a program or a map that nothing is wrong with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "compile/compiled_program.h"

namespace tcp_stats {

/// What refusals rest on.
struct SystemLimits {
    static constexpr std::uint64_t none = ~std::uint64_t(0);

    std::string lockdown;                ///< /sys/kernel/security/lockdown; empty: it cannot be read
    bool seccomp_filter = false;         ///< of this process
    bool user_namespace = false;         ///< this process is not in the first one
    bool ftrace_off = false;             ///< kernel.ftrace_enabled is 0
    std::uint64_t available_bytes = 0;   ///< of memory
    std::uint64_t lockable_bytes = none; ///< RLIMIT_MEMLOCK; BPF maps count before Linux 5.11
};

SystemLimits system_limits();

/// kernel_unsupported, where it is locked down for confidentiality: no BPF program may read kernel memory then
/// (security_locked_down(LOCKDOWN_BPF_READ_KERNEL)).
std::optional<Error> refusal_by_lockdown(const SystemLimits &limits);

/// Whether the verifier's reason is that no program may read kernel memory, as where a lockdown cannot be asked for.
bool is_about_reading_memory(const std::string &verifier_summary);

/// bpf(2) said EPERM, for reasons that are not the program's. `words`: what it was about.
Error refusal_of_bpf(const SystemLimits &limits, const std::string &words);

/// What a map takes of kernel memory, about.
std::uint64_t bytes_of(const MapDescription &map);

/// There is no room for the map with one entry for each flow, as `error_number` of bpf(2) says: ENOMEM, E2BIG, or EPERM
/// for locked memory. `option`: what sets how many. `other_bytes`: what the program's other maps take.
Error refusal_of_size(const SystemLimits &limits, const MapDescription &map, std::uint64_t other_bytes,
                      int error_number, const std::string &option);

} // namespace tcp_stats
