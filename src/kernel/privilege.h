// What this process may do: enough to load BPF programs, and from then on no more than it still needs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/account.h"

namespace tcp_stats {

/// Error: no_privilege, without CAP_SYS_ADMIN and without the pair CAP_BPF and CAP_PERFMON
/// (capabilities(7), Linux 5.8).
Result<void> check_privilege();

/// Each map, handler and hook is an open file: raises RLIMIT_NOFILE where it is too small for them. Error:
/// kernel_unsupported, where that is not allowed.
Result<void> allow_enough_files();

/// What is done once the hooks are attached, and may need a capability.
enum class LaterWork { other_namespaces, cgroup_paths, maps, recording, metrics };

/// A capability, and what it is needed for.
struct Need {
    unsigned capability;
    std::string name; ///< CAP_SYS_ADMIN
    std::string why;
};

/// All that this work may need; the table of it. Of those for maps, the recording and metrics one is enough: the first
/// that helps.
std::vector<Need> needs_of(LaterWork work);

/// Needs for people, a line each.
std::string lines_about(const std::vector<Need> &needs);

/// What is done once the hooks are attached.
struct LaterWorks {
    bool other_namespaces = false;
    bool cgroup_paths = false;
    /// Whether that works with the capabilities that are in effect; empty: it is not done.
    std::function<bool()> maps, recording, metrics;
};

/// Becomes that user (nullptr: stays the same), and gives up every capability but those that `works` needs, for good:
/// from the bounding set too, and no program that this process may start has more. Where it depends on the kernel
/// whether one is needed, it is tried. Returns what is kept. What cannot be given up is warned about. Capabilities are
/// a thread's: call it while there is one only. Error: no_privilege, where it cannot become that user.
Result<std::vector<Need>> give_up_privileges(const LaterWorks &works, const Account *account);

} // namespace tcp_stats
