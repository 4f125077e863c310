#include "kernel/network_namespaces.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/mounts.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

constexpr const char *own_path = "/proc/thread-self/ns/net";

class Collection {
public:
    void add(const std::string &path) {
        struct stat status {};
        if (stat(path.c_str(), &status) == 0 && seen_.insert(status.st_ino).second) {
            found_.push_back({status.st_ino, path});
        }
    }

    std::vector<NetworkNamespace> found() && { return std::move(found_); }

private:
    std::set<std::uint64_t> seen_;
    std::vector<NetworkNamespace> found_;
};

void add_of_processes(Collection &collection) {
    std::error_code error;
    for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
            collection.add(entry->path().string() + "/ns/net");
        }
    }
}

void add_mounted(Collection &collection) {
    for (const auto &mount : mounts()) {
        if (mount.root.starts_with("net:[")) {
            collection.add(mount.point);
        }
    }
}

} // namespace

std::vector<NetworkNamespace> network_namespaces() {
    Collection collection;
    collection.add(own_path);
    add_mounted(collection);
    add_of_processes(collection);
    return std::move(collection).found();
}

std::optional<std::uint64_t> network_namespace_at(const std::string &path) {
    const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return std::nullopt;
    }
    struct stat file {};
    const bool is_one = ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET && fstat(fd, &file) == 0;
    close(fd);
    return is_one ? std::optional<std::uint64_t>(file.st_ino) : std::nullopt;
}

bool has_tcp_sockets() {
    constexpr std::array counts = {std::pair("/proc/thread-self/net/sockstat", std::string_view("TCP: inuse ")),
                                   std::pair("/proc/thread-self/net/sockstat6", std::string_view("TCP6: inuse "))};
    bool told = false;
    for (const auto &[path, words] : counts) {
        std::ifstream file(path); // without IPv6 there is no sockstat6
        for (std::string line; std::getline(file, line);) {
            if (line.starts_with(words)) {
                told = true;
                if (line[words.size()] != '0') {
                    return true;
                }
            }
        }
    }
    return !told;
}

NamespaceVisit::NamespaceVisit(const std::string &path) : home_fd_(open(own_path, O_RDONLY | O_CLOEXEC)) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    entered_ = home_fd_ >= 0 && fd >= 0 && fstat(fd, &status) == 0 && setns(fd, CLONE_NEWNET) == 0;
    inode_ = status.st_ino;
    if (fd >= 0) {
        close(fd);
    }
}

NamespaceVisit::~NamespaceVisit() {
    if (entered_ && setns(home_fd_, CLONE_NEWNET) != 0) {
        std::perror("setns");
        std::abort();
    }
    if (home_fd_ >= 0) {
        close(home_fd_);
    }
}

} // namespace tcp_stats
