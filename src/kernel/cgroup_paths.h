// From the id of a cgroup to its path.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace tcp_stats {

/// Looks each up once: an id is never given to another cgroup.
class CgroupPaths {
public:
    /// Finds the cgroup2 mount in /proc/self/mountinfo.
    CgroupPaths();
    ~CgroupPaths();
    CgroupPaths(const CgroupPaths &) = delete;
    CgroupPaths &operator=(const CgroupPaths &) = delete;

    /// `/system.slice/ssh.service`, or `/` for the root; empty where it cannot be told: the cgroup is gone, cgroup2
    /// is not mounted, or CAP_DAC_READ_SEARCH is lacking.
    const std::string &path(std::uint64_t id);

private:
    std::string look_up(std::uint64_t id) const;

    std::string mount_;
    int mount_fd_ = -1;
    std::unordered_map<std::uint64_t, std::string> known_;
};

} // namespace tcp_stats
