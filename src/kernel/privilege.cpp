#include "kernel/privilege.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>

#include <cap-ng.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/translate.h"
#include "kernel/capabilities.h"

namespace tcp_stats {
namespace {

bool use_only(const std::vector<Need> &needs) {
    return put_into_effect([&](unsigned one) {
        return std::any_of(needs.begin(), needs.end(), [&](const Need &need) { return need.capability == one; });
    });
}

/// The first of `candidates` that makes `work` possible beside what is kept. Nothing where none is needed, or helps.
std::optional<Need> found_by_trying(const std::vector<Need> &kept, const std::vector<Need> &candidates,
                                    const std::function<bool()> &work) {
    if (!use_only(kept) || work()) {
        return std::nullopt;
    }
    for (const auto &candidate : candidates) {
        auto tried = kept;
        tried.push_back(candidate);
        if (use_only(tried) && work()) {
            return candidate;
        }
    }
    return std::nullopt;
}

/// Nothing can be gained by starting a program.
bool bar_others() { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0; }

bool keep_only(const std::vector<Need> &kept) {
    capng_clear(CAPNG_SELECT_BOTH);
    for (const auto &one : kept) {
        capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), one.capability);
    }
    return capng_apply(CAPNG_SELECT_CAPS) == 0; // what is not inheritable cannot be ambient
}

} // namespace

Result<void> check_privilege() {
    if (is_in_effect(CAP_SYS_ADMIN) || (is_in_effect(CAP_BPF) && is_in_effect(CAP_PERFMON))) {
        return {};
    }
    return fail(ErrorKind::no_privilege, tr("not allowed to load BPF programs into the kernel; run it with sudo, or "
                                            "with the capabilities CAP_BPF and CAP_PERFMON"));
}

Result<void> allow_enough_files() {
    constexpr rlim_t enough = 128;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= enough) {
        return {};
    }
    const rlimit wanted{enough, std::max(files.rlim_max, enough)};
    if (setrlimit(RLIMIT_NOFILE, &wanted) != 0) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("too few files may be open (ulimit -n, {}); raise it to {}", files.rlim_max, enough));
    }
    return {};
}

std::vector<Need> needs_of(LaterWork work) {
    switch (work) {
    case LaterWork::other_namespaces:
        return {Need{CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
                     translate("to enter other network namespaces, whose sockets are walked")},
                Need{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", translate("to find the network namespaces of all processes")},
                Need{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
                     translate("to find network namespaces that are mounted in a directory closed to others")}};
    case LaterWork::cgroup_paths:
        return {Need{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", translate("to find the path of a cgroup by its id")}};
    case LaterWork::maps:
        return {
            Need{CAP_BPF, "CAP_BPF",
                 translate("to read the program's maps, where the kernel asks for it (before Linux 5.19)")},
            Need{
                CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
                translate(
                    "to read the program's maps, where the kernel asks for it and has no CAP_BPF (before Linux 5.8)")}};
    case LaterWork::recording:
        return {
            Need{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE",
                 translate("to remove SQLite's files beside the recording, where the directory is another user's")}};
    case LaterWork::metrics:
        return {Need{CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE", translate("to serve metrics on a port below 1024")}};
    }
    return {};
}

std::string lines_about(const std::vector<Need> &needs) {
    std::size_t width = 0;
    for (const auto &one : needs) {
        width = std::max(width, one.name.size());
    }
    std::string text;
    for (const auto &one : needs) {
        text += fmt::format("  {:<{}}  {}\n", one.name, width, one.why);
    }
    return text;
}

Result<std::vector<Need>> give_up_privileges(const LaterWorks &works, const Account *account) {
    // Here, where the right to do so is still there. An ordinary user has none, and needs none: see bar_others().
    if (is_in_effect(CAP_SETPCAP)) {
        capng_clear(CAPNG_SELECT_BOUNDS);
        if (capng_apply(CAPNG_SELECT_BOUNDS) != 0) {
            spdlog::warn(tr("cannot give up capabilities of programs that would be started: {}; going on with them",
                            std::strerror(errno)));
        }
    }
    if (account != nullptr) {
        if (const int error_number = become(*account); error_number != 0) {
            return fail(ErrorKind::no_privilege,
                        tr("--user {}: cannot become that user: {}; run it with sudo, or with the capabilities "
                           "CAP_SETUID and CAP_SETGID",
                           account->name, std::strerror(error_number)));
        }
    }
    std::vector<Need> kept;
    const auto keep = [&](const std::vector<Need> &needs) {
        std::copy_if(needs.begin(), needs.end(), std::back_inserter(kept),
                     [](const Need &one) { return is_permitted(one.capability); });
    };
    const auto keep_found = [&](LaterWork work, const std::function<bool()> &trial) {
        if (const auto found = trial ? found_by_trying(kept, needs_of(work), trial) : std::nullopt) {
            kept.push_back(*found);
        }
    };
    if (works.other_namespaces && is_permitted(CAP_SYS_ADMIN)) { // the others are of no use without it
        keep(needs_of(LaterWork::other_namespaces));
    }
    if (works.cgroup_paths) {
        keep(needs_of(LaterWork::cgroup_paths));
    }
    keep_found(LaterWork::maps, works.maps);
    keep_found(LaterWork::recording, works.recording);
    keep_found(LaterWork::metrics, works.metrics);
    if (!keep_only(kept) || !bar_others()) {
        const std::string why = std::strerror(errno);
        if (account != nullptr) {
            return fail(ErrorKind::no_privilege,
                        tr("--user {}: cannot give up the capabilities that are not needed: {}; leave out --user",
                           account->name, why));
        }
        use_only(kept);
        spdlog::warn(tr("cannot give up the capabilities that are not needed: {}; going on with them", why));
    }
    return kept;
}

} // namespace tcp_stats
