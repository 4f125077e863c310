// The rows to choose from at one moment: those of a snapshot, and flows that closed a short while ago.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "snapshot/snapshot.h"

namespace tcp_stats {

/// A row that keeps the snapshot it is of.
struct KeptRow {
    std::shared_ptr<const Snapshot> snapshot;
    std::size_t index;

    Row row() const { return {snapshot.get(), index}; }
};

/// Copies share what they hold; rows stay valid as long as one of them lives.
struct Frame {
    /// What closed with one snapshot, as a snapshot of its own.
    struct Finished {
        std::shared_ptr<const Snapshot> snapshot;
        std::uint64_t since_ns; ///< by the clock of Snapshot::time_ns
    };

    std::shared_ptr<const Snapshot> snapshot; ///< null: none yet
    std::vector<Finished> finished;           ///< with what closed with `snapshot`

    std::uint64_t time_ns() const { return snapshot == nullptr ? 0 : snapshot->time_ns; }
    /// Groups, or flows that are open.
    std::vector<Row> open_rows() const;
    std::vector<Row> rows() const;
    std::size_t closed_count() const;

    /// The row of that number; absent: it is not here.
    std::optional<KeptRow> find(std::uint64_t id) const;
};

/// How long a closed flow stays, in snapshots of that age.
inline constexpr std::uint64_t closed_stays_ns = 5'000'000'000;
/// Of earlier snapshots; older ones go first.
inline constexpr std::size_t most_closed = 2000;

/// The frame that follows on `before`. What has been closed for long goes, unless nobody could see it (`keep_closed`).
Frame next_frame(const Frame &before, Snapshot snapshot, bool keep_closed);

} // namespace tcp_stats
