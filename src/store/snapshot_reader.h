// Reads the snapshots of a recording, one after the other.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <SQLiteCpp/Statement.h>

#include "record/record_pool.h"
#include "snapshot/snapshot.h"
#include "store/recording.h"

namespace tcp_stats {

/// Its functions throw SQLite::Exception.
class SnapshotReader {
public:
    /// From the first on. `recording` must outlive it.
    explicit SnapshotReader(Recording &recording);

    /// So early that every flow was met when `snapshot` comes: what is before that may lack some.
    void go_before(std::int64_t snapshot);

    /// Nothing: there are no more.
    std::optional<Snapshot> next();

    // Of the snapshot that came last:
    std::int64_t id() const { return id_; }
    WallTime time() const { return time_; }
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

    void read_samples(std::int64_t first, std::int64_t last, std::uint64_t time_ns);
    void read_details(State &state, std::int64_t details);
    void put(State &state, const StoredField &field, const SQLite::Column &value) const;
    Snapshot made(std::int64_t id, WallTime time, std::uint64_t time_ns);
    std::shared_ptr<const Records> with_times(const Records &records,
                                              const std::unordered_map<std::uint32_t, std::uint64_t> &times);

    Recording &recording_;
    std::vector<StoredField> details_, numbers_;
    SQLite::Statement snapshots_, samples_, details_of_, absent_, closed_, missed_;
    std::int64_t id_ = 0, run_ = 0, host_ = 0;
    WallTime time_ = 0;
    std::map<std::int64_t, State> flows_; ///< by their numbers in the file
    RecordPool pool_;
    std::shared_ptr<const Records> before_;
    std::uint64_t before_time_ns_ = 0;
};

} // namespace tcp_stats
