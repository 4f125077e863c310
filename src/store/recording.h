// A recording to be read: what its records are like, and when it was made.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <SQLiteCpp/Database.h>

#include "base/error.h"
#include "loop/playback.h"
#include "record/record_reader.h"
#include "store/database.h"

namespace tcp_stats {

/// A file that was recorded.
class Recording {
public:
    /// Errors: source_unreadable, not_a_recording.
    static Result<std::unique_ptr<Recording>> open(const std::filesystem::path &path);

    /// Of records that are like those which were recorded, but for members that nothing shown is made of.
    const RecordReader &reader() const { return *reader_; }
    const std::vector<StoredField> &fields() const { return fields_; }
    /// Units of fields that are the program's own or the user's.
    const std::vector<UserField> &own_fields() const { return own_; }

    /// Where the last run was, and its kernel (uname -r).
    const std::string &host() const { return host_; }
    const std::string &kernel() const { return kernel_; }

    /// Of the first and of the last snapshot; they differ in sign where nothing was recorded.
    WallTime begin() const { return begin_; }
    WallTime end() const { return end_; }

    /// The path of a cgroup of `host`; empty: not known.
    const std::string &cgroup_path(std::int64_t host, std::uint64_t id);

    SQLite::Database &database() { return *database_; }
    const std::filesystem::path &path() const { return path_; }

private:
    Recording(std::filesystem::path path, std::unique_ptr<SQLite::Database> database)
        : path_(std::move(path)), database_(std::move(database)) {}

    Result<void> read_fields();

    std::filesystem::path path_;
    std::unique_ptr<SQLite::Database> database_;
    std::vector<StoredField> fields_;
    std::vector<UserField> own_;
    std::optional<RecordReader> reader_;
    std::string host_, kernel_;
    WallTime begin_ = 0, end_ = 0;
    std::map<std::pair<std::int64_t, std::uint64_t>, std::string> cgroups_;
};

std::chrono::system_clock::time_point time_point(WallTime time);

/// What keeps `path` from being read.
tl::unexpected<Error> damaged(const std::filesystem::path &path, const std::string &what);

} // namespace tcp_stats
