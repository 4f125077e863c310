// A recording as text: its snapshots, one after the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "loop/snapshot_source.h"
#include "store/recording.h"
#include "store/snapshot_reader.h"

namespace tcp_stats {

/// What of a recording is replayed.
struct ReplayRange {
    std::optional<WallTime> from, to;
    std::optional<WallTime> at;  ///< the snapshot of that time only: the last one before it
    std::optional<double> speed; ///< as many times as fast as it was; absent: as fast as it is read
};

/// That `range` has no snapshot of `recording`.
tl::unexpected<Error> nothing_recorded(const Recording &recording);

/// How long it was from the snapshot before to this one. Between two runs nobody waits.
std::uint64_t elapsed_ns(std::uint64_t before_time_ns, std::uint64_t time_ns);

/// The same at `speed`.
std::chrono::nanoseconds at_speed(std::uint64_t elapsed_ns, double speed);

/// Snapshots that were recorded.
class RecordedSource : public SnapshotSource {
public:
    /// Of the snapshot that came last: cgroups are known by their host.
    virtual std::int64_t host() const = 0;
};

class Replay : public RecordedSource {
public:
    /// `recording` must outlive it. Error: usage, where nothing was recorded in the range.
    static Result<std::unique_ptr<Replay>> create(Recording &recording, const ReplayRange &range);

    Result<std::optional<Snapshot>> next() override;
    std::chrono::nanoseconds wait(std::chrono::nanoseconds interval) const override;
    std::int64_t host() const override { return host_; }

    /// How much of the range is done, from 0 to 1.
    double progress() const;

private:
    Replay(Recording &recording, const ReplayRange &range);

    bool is_wanted() const;
    void read_next();

    Recording &recording_;
    ReplayRange range_;
    SnapshotReader reader_;
    std::int64_t first_ = 0, last_ = 0; ///< snapshots of the range
    std::int64_t host_ = 0;
    std::optional<Snapshot> next_;
};

} // namespace tcp_stats
