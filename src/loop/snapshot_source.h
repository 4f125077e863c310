// Where snapshots come from.
#pragma once

#include <chrono>
#include <optional>

#include "base/error.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

class SnapshotSource {
public:
    virtual ~SnapshotSource() = default;

    /// Nothing: there are no more.
    virtual Result<std::optional<Snapshot>> next() = 0;

    /// Time until the next one is due, where the viewer wants one each `interval`.
    virtual std::chrono::nanoseconds wait(std::chrono::nanoseconds interval) const { return interval; }

    /// Readable when `collect_closed` is wanted between snapshots; -1: never.
    virtual int closed_fd() const { return -1; }

    /// Makes room for closed flows to come. Whether there are any for the next snapshot.
    virtual bool collect_closed() { return false; }
};

} // namespace tcp_stats
