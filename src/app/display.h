// What the options ask for to see snapshots on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/request.h"
#include "cli/options.h"
#include "loop/display.h"
#include "loop/playback.h"
#include "loop/snapshot_source.h"
#include "loop/stop_signals.h"

namespace tcp_stats {

/// Whose snapshots they are.
struct Shown {
    std::string host;
    std::string kernel;           ///< as uname -r
    bool recorded = false;        ///< they were taken some time ago
    Playback *playback = nullptr; ///< of a recording on a screen
};

/// Whether the terminal, or what stands in its place, can take what the options ask for. Error: usage.
Result<void> check_output(const Options &options);

/// Columns of the rows, and how they are shown. `request`, `columns`, `reader` and `signals` must outlive the result.
/// `grouped`: null: the rows are flows, of `columns`; else they are the groups of these.
Result<std::unique_ptr<Display>> make_display(const Options &options, const Request &request, const Columns &columns,
                                              const RecordReader &reader, const GroupedFlows *grouped,
                                              const StopSignals &signals, const Shown &shown);

/// Shows the snapshots of `source`, with groups where `grouped` is not null. Errors: as `show_snapshots`.
Result<void> show(SnapshotSource &source, GroupedFlows *grouped, Display &display, std::optional<std::uint64_t> count,
                  const StopSignals &signals);

} // namespace tcp_stats
