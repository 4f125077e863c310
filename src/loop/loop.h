// The loop: take a snapshot, show it, wait.
#pragma once

#include <cstdint>
#include <optional>

#include "loop/display.h"
#include "loop/snapshot_source.h"
#include "loop/stop_signals.h"

namespace tcp_stats {

/// Shows a snapshot each interval until `count` were shown, a signal arrives or the viewer leaves. Errors: those of
/// `source` and `display`.
Result<void> show_snapshots(SnapshotSource &source, Display &display, std::optional<std::uint64_t> count,
                            const StopSignals &signals);

} // namespace tcp_stats
