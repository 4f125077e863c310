// Where snapshots come from.
#pragma once

#include "base/error.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

class SnapshotSource {
public:
    virtual ~SnapshotSource() = default;

    virtual Result<Snapshot> next() = 0;

    /// Readable when `collect_closed` is wanted between snapshots; -1: never.
    virtual int closed_fd() const { return -1; }

    /// Makes room for closed flows to come. Whether there are any for the next snapshot.
    virtual bool collect_closed() { return false; }
};

} // namespace tcp_stats
