#include "kernel/refusal.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <sstream>

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include "base/translate.h"

namespace tcp_stats {
namespace {

std::string text_of(const char *path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// The number behind `name` in a file of /proc; 0 where there is none.
std::uint64_t number_after(const std::string &text, const std::string &name) {
    const auto at = text.find(name);
    return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size(), nullptr, 10);
}

std::uint64_t rounded_up(std::uint64_t bytes) { return (bytes + 7) / 8 * 8; }

/// Of a hash: its struct htab_elem, and its part of the buckets, whose number is a power of two.
std::uint64_t bytes_per_entry(const MapDescription &map) {
    constexpr std::uint64_t element = 48;
    constexpr std::uint64_t buckets = 32;
    return element + buckets + rounded_up(map.key_size) + rounded_up(map.value_size);
}

/// Two digits and noughts: it is not known better.
std::uint64_t rounded_down(std::uint64_t number) {
    std::uint64_t unit = 1;
    while (number / unit >= 100) {
        unit *= 10;
    }
    return number / unit * unit;
}

} // namespace

SystemLimits system_limits() {
    SystemLimits limits;
    limits.lockdown = text_of("/sys/kernel/security/lockdown");
    limits.seccomp_filter = number_after(text_of("/proc/self/status"), "\nSeccomp:") != 0;
    unsigned long inside = 0;
    unsigned long outside = 0;
    unsigned long count = 0;
    std::istringstream ids(text_of("/proc/self/uid_map"));
    limits.user_namespace =
        ids >> inside >> outside >> count && (outside != 0 || count != std::numeric_limits<std::uint32_t>::max());
    limits.ftrace_off = text_of("/proc/sys/kernel/ftrace_enabled") == "0\n";
    limits.available_bytes = number_after(text_of("/proc/meminfo"), "MemAvailable:") * 1024;
    rlimit locked{};
    if (getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && locked.rlim_cur != RLIM_INFINITY) {
        limits.lockable_bytes = locked.rlim_cur;
    }
    return limits;
}

std::optional<Error> refusal_by_lockdown(const SystemLimits &limits) {
    if (limits.lockdown.find("[confidentiality]") == std::string::npos) {
        return std::nullopt;
    }
    return Error{
        ErrorKind::kernel_unsupported,
        tr("this kernel is locked down for confidentiality (/sys/kernel/security/lockdown): no program may read "
           "its memory, whatever its privileges; boot it with lockdown=integrity, or without")};
}

bool is_about_reading_memory(const std::string &verifier_summary) {
    const bool unknown = verifier_summary.starts_with("unknown func ") ||
                         verifier_summary.starts_with("program of this type cannot use helper ");
    return unknown && verifier_summary.find("bpf_probe_read") != std::string::npos;
}

Error refusal_of_bpf(const SystemLimits &limits, const std::string &words) {
    if (auto locked = refusal_by_lockdown(limits)) {
        return *locked;
    }
    if (limits.user_namespace) {
        return {ErrorKind::no_privilege, tr("not allowed to load BPF programs ({}): this is root of a user namespace "
                                            "only, as in a rootless container; run it as root of the host",
                                            words)};
    }
    if (limits.seccomp_filter) {
        return {ErrorKind::kernel_unsupported,
                tr("BPF is forbidden ({}), most likely by the seccomp filter of this process, as containers have one; "
                   "run it on the host, or in a container without (--privileged, or --security-opt seccomp=unconfined)",
                   words)};
    }
    return {
        ErrorKind::kernel_unsupported,
        tr("BPF is forbidden, even with every privilege ({}): by a security policy (SELinux, AppArmor, a BPF LSM, see "
           "/sys/kernel/security/lsm), or by what runs this machine; its log says more (dmesg, ausearch -m avc)",
           words)};
}

std::uint64_t bytes_of(const MapDescription &map) {
    switch (map.type) {
    case BPF_MAP_TYPE_RINGBUF:
        return map.max_entries;
    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_LRU_HASH:
        return bytes_per_entry(map) * map.max_entries;
    default:
        return rounded_up(map.value_size) * map.max_entries;
    }
}

Error refusal_of_size(const SystemLimits &limits, const MapDescription &map, std::uint64_t other_bytes,
                      int error_number, const std::string &option) {
    constexpr std::uint64_t mega = 1'000'000;
    const auto per_entry = bytes_per_entry(map);
    const auto words = fmt::format("{}: {}", map.name, std::strerror(error_number));
    if (error_number == EPERM) {
        const auto lockable = limits.lockable_bytes / 1024;
        const auto room = limits.lockable_bytes > other_bytes ? (limits.lockable_bytes - other_bytes) / per_entry : 0;
        const auto all = (other_bytes + bytes_of(map)) / mega;
        if (room == 0 || option.empty()) {
            return {
                ErrorKind::kernel_unsupported,
                tr("the limit of locked memory (ulimit -l, {} KiB) has no room for the maps, some {} MB ({}); raise "
                   "it, or run this with CAP_SYS_RESOURCE",
                   lockable, all, words)};
        }
        return {
            ErrorKind::kernel_unsupported,
            tr("{} {}: the limit of locked memory (ulimit -l, {} KiB) has no room for so many flows, some {} MB ({}); "
               "raise it, or make do with {} at most",
               option, map.max_entries, lockable, all, words, rounded_down(room))};
    }
    // htab_map_alloc(): before Linux 5.11 a map has less than 4 GiB; later its buckets of 16 bytes have.
    constexpr std::uint64_t most_bytes = std::numeric_limits<std::uint32_t>::max();
    constexpr std::uint64_t most_buckets = std::bit_floor(most_bytes / 16);
    const auto by_kernel = error_number != E2BIG            ? SystemLimits::none
                           : map.max_entries > most_buckets ? most_buckets
                                                            : most_bytes / per_entry;
    const auto by_memory = limits.available_bytes / 10 * 9 / per_entry;
    const auto most = rounded_down(std::min(by_kernel, by_memory));
    if (most >= map.max_entries || limits.available_bytes == 0) {
        return {ErrorKind::usage,
                tr("{} {}: there is no memory for so many flows of {} bytes ({}), though the host has "
                   "some: the limit of this cgroup (memory.max) most likely; choose fewer",
                   option, map.max_entries, per_entry, words)};
    }
    return {
        ErrorKind::usage,
        by_memory <= by_kernel
            ? tr("{} {}: there is no memory for so many flows of {} bytes ({}); {} at most, with the {} MB that are "
                 "available",
                 option, map.max_entries, per_entry, words, most, limits.available_bytes / mega)
            : tr("{} {}: this kernel has no map for so many flows of {} bytes ({}); {} at most", option,
                 map.max_entries, per_entry, words, most)};
}

} // namespace tcp_stats
