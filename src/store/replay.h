// Snapshots from a recording.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include "base/error.h"
#include "loop/snapshot_source.h"
#include "record/record_reader.h"
#include "store/database.h"

namespace tcp_stats {

/// Nanoseconds since 1970.
using WallTime = std::int64_t;

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
    WallTime begin_ = 0, end_ = 0;
    std::map<std::pair<std::int64_t, std::uint64_t>, std::string> cgroups_;
};

/// What of a recording is replayed.
struct ReplayRange {
    std::optional<WallTime> from, to;
    std::optional<WallTime> at;  ///< the snapshot of that time only: the last one before it
    std::optional<double> speed; ///< as many times as fast as it was; absent: as fast as it is read
};

class Replay : public SnapshotSource {
public:
    /// `recording` must outlive it. Error: usage, where nothing was recorded in the range.
    static Result<std::unique_ptr<Replay>> create(Recording &recording, const ReplayRange &range);

    Result<std::optional<Snapshot>> next() override;
    std::chrono::nanoseconds wait(std::chrono::nanoseconds interval) const override;

    /// Of the snapshot that came last: cgroups are known by their host.
    std::int64_t host() const { return host_; }

private:
    /// What is known of a flow.
    struct State {
        std::vector<std::byte> record;
        std::int64_t details = 0;
        std::uint32_t before = Flow::none;       ///< where the snapshot before has it
        std::optional<std::uint64_t> elapsed_ns; ///< of the sample in this snapshot
        bool sampled = false;                    ///< in this snapshot
        bool closed = false;
    };
    Replay(Recording &recording, const ReplayRange &range);

    bool is_wanted(WallTime time) const;
    void seek(std::int64_t snapshot);
    std::optional<Snapshot> step();
    void read_samples(std::int64_t first, std::int64_t last, std::uint64_t time_ns);
    void read_details(State &state, std::int64_t details);
    void put(State &state, const StoredField &field, const SQLite::Column &value) const;
    Snapshot made(std::int64_t id, WallTime time, std::uint64_t time_ns);

    Recording &recording_;
    ReplayRange range_;
    std::vector<StoredField> details_, numbers_;
    SQLite::Statement snapshots_, samples_, details_of_, absent_, closed_, missed_;
    std::int64_t last_snapshot_ = 0; ///< of the range
    std::int64_t run_ = 0, host_ = 0;
    std::map<std::int64_t, State> flows_; ///< by their numbers in the file
    std::shared_ptr<const Records> before_;
    std::uint64_t before_time_ns_ = 0;
    std::int64_t id_ = 0; ///< of the snapshot that was read last
    WallTime next_time_ = 0;
    std::optional<Snapshot> next_;
};

} // namespace tcp_stats
