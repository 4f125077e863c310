#include "compile/program_cache.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/descriptor.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

/// What a file begins with; behind it the hash of its key, that of the rest, and the rest.
constexpr std::string_view magic = "tcp_stats_monitor program 1\n";
constexpr std::string_view ending = ".program";

using Hash = std::array<char, sizeof(XXH128_canonical_t)>;

Hash hash_of(std::string_view bytes) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
    Hash hash{};
    std::memcpy(hash.data(), &canonical, hash.size());
    return hash;
}

std::string_view text_of(const Hash &hash) { return {hash.data(), hash.size()}; }

std::string file_name_of(std::string_view key) {
    std::string name;
    for (const char c : hash_of(key)) {
        name += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    return name.append(ending);
}

Descriptor open_file(int directory, const std::string &name, int flags) {
    return Descriptor(openat(directory, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
}

bool is_own(const struct stat &status) {
    return status.st_uid == geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// The whole file, where it is one of this user's; else errno.
tl::expected<std::string, int> contents_of(const Descriptor &file) {
    struct stat status {};
    if (file.get() < 0 || fstat(file.get(), &status) != 0) {
        return tl::unexpected(errno);
    }
    if (!S_ISREG(status.st_mode) || !is_own(status) ||
        static_cast<std::uint64_t>(status.st_size) > ProgramCache::most_bytes) {
        return tl::unexpected(EPERM);
    }
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const auto count = read(file.get(), text.data() + have, text.size() - have);
        if (count <= 0) {
            return tl::unexpected(count < 0 ? errno : EIO);
        }
        have += static_cast<std::size_t>(count);
    }
    return text;
}

/// The program's bytes in a kept file; empty where the file is no such, another key's, or damaged.
std::string_view payload_of(std::string_view file, std::string_view key) {
    const auto take = [&](std::size_t size) {
        const auto part = file.substr(0, size);
        file.remove_prefix(part.size());
        return part;
    };
    const bool known = take(magic.size()) == magic;
    const auto kept_key = take(sizeof(Hash));
    const auto kept_checksum = take(sizeof(Hash));
    return known && kept_key == text_of(hash_of(key)) && kept_checksum == text_of(hash_of(file)) ? file
                                                                                                 : std::string_view();
}

} // namespace

fs::path ProgramCache::usual_place() {
    constexpr const char *name = "tcp_stats_monitor";
    if (const char *given = std::getenv("CACHE_DIRECTORY"); given != nullptr && *given == '/') {
        // One that is private to the service may be given by a link to it.
        std::error_code error;
        const std::string first(given, std::strcspn(given, ":"));
        const auto place = fs::canonical(first, error);
        return error ? fs::path(first) : place;
    }
    if (geteuid() == 0) {
        return fs::path("/var/cache") / name;
    }
    if (const char *cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') {
        return fs::path(cache) / name;
    }
    const char *home = std::getenv("HOME");
    return home != nullptr && *home == '/' ? fs::path(home) / ".cache" / name : fs::path();
}

std::optional<ProgramCache> ProgramCache::open(const fs::path &directory) {
    if (directory.empty()) {
        spdlog::debug(tr("compiled programs are not kept: neither XDG_CACHE_HOME nor HOME is set"));
        return std::nullopt;
    }
    std::error_code ignored;
    fs::create_directories(directory.parent_path(), ignored);
    mkdir(directory.c_str(), S_IRWXU);
    Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
        spdlog::debug(
            tr("compiled programs are not kept: cannot use {}: {}", directory.string(), std::strerror(errno)));
        return std::nullopt;
    }
    struct stat status {};
    if (fstat(fd.get(), &status) != 0 || !is_own(status)) {
        spdlog::debug(
            tr("compiled programs are not kept: {} is somebody else's, or others may write to it", directory.string()));
        return std::nullopt;
    }
    return ProgramCache(directory, std::move(fd));
}

ProgramCache::ProgramCache(fs::path directory, Descriptor directory_fd)
    : directory_(std::move(directory)), directory_fd_(std::move(directory_fd)) {}

std::optional<CompiledProgram> ProgramCache::find(std::string_view key) const {
    const auto name = file_name_of(key);
    const auto path = (directory_ / name).string();
    const auto file = open_file(directory_fd_.get(), name, O_RDONLY | O_NONBLOCK);
    const auto contents = contents_of(file);
    if (!contents) {
        if (contents.error() != ENOENT) {
            spdlog::debug(tr("{} is not used: {}", path, std::strerror(contents.error())));
        }
        return std::nullopt;
    }
    auto program = answer_from_bytes(payload_of(*contents, key));
    if (!program) {
        spdlog::debug(tr("{} is not used: it is damaged, or of another version", path));
        return std::nullopt;
    }
    const auto &compiler = program->compiler;
    const auto is_still = [](const FileStamp &stamp) { return stamp.size > 0 && stamp_of(stamp.path) == stamp; };
    if (compiler.empty() || !std::all_of(compiler.begin(), compiler.end(), is_still)) {
        spdlog::debug(tr("{} is not used: another compiler made it", path));
        return std::nullopt;
    }
    futimens(file.get(), nullptr); // used now
    spdlog::debug(tr("{} comes from {}", program->name, path));
    return std::move(*program);
}

void ProgramCache::keep(std::string_view key, const CompiledProgram &program) const {
    const auto name = file_name_of(key);
    const int directory_fd = directory_fd_.get();
    const auto unfinished = fmt::format("{}.{}", name, getpid());
    unlinkat(directory_fd, unfinished.c_str(), 0);
    const auto payload = to_bytes(program);
    bool kept = false;
    {
        const auto file = open_file(directory_fd, unfinished, O_WRONLY | O_CREAT | O_EXCL);
        kept = file.get() >= 0 && write_whole(file.get(), magic) && write_whole(file.get(), text_of(hash_of(key))) &&
               write_whole(file.get(), text_of(hash_of(payload))) && write_whole(file.get(), payload) &&
               renameat(directory_fd, unfinished.c_str(), directory_fd, name.c_str()) == 0;
    }
    if (!kept) {
        spdlog::debug(tr("{} is not kept in {}: {}", program.name, directory_.string(), std::strerror(errno)));
        unlinkat(directory_fd, unfinished.c_str(), 0);
    }
    remove_oldest();
}

void ProgramCache::remove_oldest() const {
    struct Kept {
        std::string name;
        std::uint64_t size;
        timespec used;
    };
    std::vector<Kept> files;
    const int directory_fd = directory_fd_.get();
    const std::unique_ptr<DIR, int (*)(DIR *)> entries(
        fdopendir(openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), closedir);
    if (!entries) {
        return;
    }
    while (const auto *entry = readdir(entries.get())) {
        struct stat status {};
        // With what a start that was killed has left unfinished.
        if (std::string_view(entry->d_name).find(ending) != std::string_view::npos &&
            fstatat(directory_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            files.push_back({entry->d_name, static_cast<std::uint64_t>(status.st_size), status.st_mtim});
        }
    }
    std::sort(files.begin(), files.end(), [](const Kept &one, const Kept &other) {
        return std::pair(one.used.tv_sec, one.used.tv_nsec) > std::pair(other.used.tv_sec, other.used.tv_nsec);
    });
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    for (const auto &[name, size, used] : files) {
        bytes += size;
        if (++count > most_programs || bytes > most_bytes) {
            unlinkat(directory_fd, name.c_str(), 0);
        }
    }
}

} // namespace tcp_stats
