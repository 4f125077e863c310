// Where the compiler keeps its files while it is at work.
#pragma once

#include <filesystem>
#include <string>

#include "base/descriptor.h"
#include "base/error.h"

namespace tcp_stats {

/// A path that nobody else will choose, below $TMPDIR, or /tmp where this user could not write there without
/// privileges; nothing is made.
std::string private_directory_name();

/// A directory that only this user can enter. It is gone with the object; where the process ends otherwise, whoever
/// chose the name removes it, or `remove_abandoned` at some later start.
class PrivateDirectory {
public:
    /// Error: kernel_unsupported, when it cannot be made.
    static Result<PrivateDirectory> make(const std::string &path);

    PrivateDirectory(PrivateDirectory &&other) noexcept;
    PrivateDirectory &operator=(PrivateDirectory &&) = delete;
    ~PrivateDirectory();

    const std::filesystem::path &path() const { return path_; }

private:
    PrivateDirectory(std::filesystem::path path, Descriptor lock);

    std::filesystem::path path_; ///< empty when moved from
    Descriptor lock_;            ///< says that somebody is at work here
};

/// Removes such directories of this user's in which nobody is at work any more.
void remove_abandoned_directories();

} // namespace tcp_stats
