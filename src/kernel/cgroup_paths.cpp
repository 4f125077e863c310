#include "kernel/cgroup_paths.h"

#include <array>
#include <climits>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "kernel/mounts.h"

namespace tcp_stats {
namespace {

/// The first mount of cgroup2 whose root is the hierarchy's (or the namespace's) own.
std::string cgroup2_mount() {
    for (const auto &mount : mounts()) {
        if (mount.type == "cgroup2" && mount.root == "/") {
            return mount.point;
        }
    }
    return {};
}

} // namespace

CgroupPaths::CgroupPaths() : mount_(cgroup2_mount()) {
    if (!mount_.empty()) {
        mount_fd_ = open(mount_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
}

CgroupPaths::~CgroupPaths() {
    if (mount_fd_ >= 0) {
        close(mount_fd_);
    }
}

const std::string &CgroupPaths::path(std::uint64_t id) {
    const auto [entry, is_new] = known_.try_emplace(id);
    if (is_new) {
        entry->second = look_up(id);
    }
    return entry->second;
}

std::string CgroupPaths::look_up(std::uint64_t id) const {
    // kernfs has file handles that are just its ids (Linux 5.5, fs/kernfs/mount.c, FILEID_KERNFS).
    constexpr int fileid_kernfs = 0xfe;
    alignas(file_handle) std::array<char, sizeof(file_handle) + sizeof(id)> memory{};
    auto *handle = reinterpret_cast<file_handle *>(memory.data());
    handle->handle_bytes = sizeof(id);
    handle->handle_type = fileid_kernfs;
    std::memcpy(handle->f_handle, &id, sizeof(id));
    const int fd = mount_fd_ < 0 ? -1 : open_by_handle_at(mount_fd_, handle, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return {};
    }
    std::array<char, PATH_MAX> target{};
    const auto length = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target.data(), target.size());
    close(fd);
    std::string path(target.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
    if (!path.starts_with(mount_)) {
        return {};
    }
    path.erase(0, mount_ == "/" ? 0 : mount_.size());
    return path.empty() ? "/" : path;
}

} // namespace tcp_stats
