#include "compile/private_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/translate.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

constexpr const char *name_begin = "tcp_stats_monitor.";
constexpr std::size_t digits = 16;

/// Whether it is a name that `private_directory_name` makes.
bool is_ours(const std::string &name) {
    const auto begin = std::strlen(name_begin);
    return name.starts_with(name_begin) && name.size() == begin + digits &&
           name.find_first_not_of("0123456789abcdef", begin) == std::string::npos;
}

/// Whether this user may do that there without the privileges of root, which the compiler does not have.
bool is_allowed(const fs::path &directory, mode_t owner_bits) {
    struct stat status {};
    if (stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
        return false;
    }
    constexpr unsigned from_owner_to_others = 6;
    const auto bits = status.st_uid == geteuid() ? owner_bits : owner_bits >> from_owner_to_others;
    return (status.st_mode & bits) == bits;
}

bool can_be_written(const fs::path &directory) {
    auto above = directory;
    while (above.has_relative_path()) {
        above = above.parent_path();
        if (!is_allowed(above, S_IXUSR)) {
            return false;
        }
    }
    return is_allowed(directory, S_IWUSR | S_IXUSR);
}

/// TMPDIR may be another user's, whose it was before sudo.
fs::path place_for_private_directories() {
    const char *named = std::getenv("TMPDIR");
    const auto wanted = fs::absolute(named != nullptr && *named != '\0' ? named : "/tmp");
    return can_be_written(wanted) ? wanted : fs::path("/tmp");
}

/// Holds the lock of the directory; none where somebody else has it or nothing is there.
Descriptor lock(const fs::path &directory, int how) {
    Descriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd && flock(fd.get(), LOCK_EX | how) != 0) {
        fd.reset();
    }
    return fd;
}

/// Whether the directory of that descriptor is still the one at `path`.
bool is_at(int fd, const fs::path &path) {
    struct stat held {};
    struct stat found {};
    return fstat(fd, &held) == 0 && lstat(path.c_str(), &found) == 0 && held.st_dev == found.st_dev &&
           held.st_ino == found.st_ino;
}

} // namespace

std::string private_directory_name() {
    std::random_device device;
    const auto number = (std::uint64_t(device()) << 32U) | device();
    return (place_for_private_directories() / fmt::format("{}{:0{}x}", name_begin, number, digits)).string();
}

Result<PrivateDirectory> PrivateDirectory::make(const std::string &path) {
    for (;;) {
        if (mkdir(path.c_str(), S_IRWXU) != 0) {
            return fail(ErrorKind::kernel_unsupported,
                        tr("cannot make a private directory {} for the kernel's types: {}; set TMPDIR to a directory "
                           "that can be written",
                           path, std::strerror(errno)));
        }
        // Another start may take it for abandoned until the lock is held.
        auto held = lock(path, 0);
        if (held && is_at(held.get(), path)) {
            return PrivateDirectory(path, std::move(held));
        }
    }
}

PrivateDirectory::PrivateDirectory(fs::path path, Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}

PrivateDirectory::PrivateDirectory(PrivateDirectory &&other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}

PrivateDirectory::~PrivateDirectory() {
    if (!path_.empty()) {
        std::error_code error;
        // The compiler may still be writing a file when a signal takes its place away; then there is one more to
        // remove.
        for (int attempt = 0; attempt < 100; ++attempt) {
            fs::remove_all(path_, error);
            if (error != std::errc::directory_not_empty) {
                break;
            }
        }
    }
}

void remove_abandoned_directories() {
    std::error_code error;
    for (fs::directory_iterator entry(place_for_private_directories(), error), end; !error && entry != end;
         entry.increment(error)) {
        struct stat status {};
        if (!is_ours(entry->path().filename().string()) || lstat(entry->path().c_str(), &status) != 0 ||
            !S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
            continue;
        }
        if (const auto held = lock(entry->path(), LOCK_NB)) {
            std::error_code ignored;
            fs::remove_all(entry->path(), ignored);
        }
    }
}

} // namespace tcp_stats
