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

    /// Where it was recorded, and by which kernel (uname -r), from one time to another; with commas, where there are
    /// several.
    struct Origin {
        std::string hosts, kernels;
    };
    Origin origin(WallTime from, WallTime to);

    /// Whether somebody has written to it since it was opened as one that nobody writes to: SQLite does not look then.
    bool has_changed() const;

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
    std::optional<std::filesystem::file_time_type> written_; ///< when; absent: SQLite looks by itself
    WallTime begin_ = 0, end_ = 0;
    std::map<std::pair<std::int64_t, std::uint64_t>, std::string> cgroups_;
};

/// What keeps it from being read.
tl::unexpected<Error> damaged(const std::filesystem::path &path, const std::string &what);

/// That somebody has written to it since it was opened.
tl::unexpected<Error> changed(const std::filesystem::path &path);

/// Which of these it is.
tl::unexpected<Error> no_longer_readable(const Recording &recording, const std::string &what);

} // namespace tcp_stats
