// The flows to choose from at one moment: those of a snapshot, and those that closed a short while ago.
#pragma once

#include <memory>
#include <vector>

#include "loop/snapshot_source.h"

namespace tcp_stats {

/// What closed with one snapshot.
struct FinishedFlows {
    std::vector<Flow> flows;
    RawEntries records; ///< what they refer to
};

/// Copies share what they hold; the flows stay where they are as long as one of them lives.
struct Frame {
    struct Closed {
        std::shared_ptr<const FinishedFlows> flows;
        std::uint64_t since_ns; ///< by the clock of Reading::time_ns
    };

    std::shared_ptr<const Snapshot> snapshot; ///< without what closed; null: none yet
    std::vector<Closed> closed;
    std::chrono::system_clock::time_point time;

    std::uint64_t time_ns() const { return snapshot == nullptr ? 0 : snapshot->reading.time_ns; }
    std::vector<const Flow *> flows() const;
    std::size_t closed_count() const;

    /// The flow of that number, which keeps alive what it refers to; null: it is not here.
    std::shared_ptr<const Flow> find(std::uint64_t id) const;
};

/// How long a closed flow stays, in snapshots of that age.
inline constexpr std::uint64_t closed_stays_ns = 5'000'000'000;
/// Of earlier snapshots; older ones go first.
inline constexpr std::size_t most_closed = 2000;

/// The frame that follows on `before`. What has been closed for long goes, unless nobody could see it (`keep_closed`).
Frame next_frame(const Frame &before, Taken taken, bool keep_closed);

} // namespace tcp_stats
