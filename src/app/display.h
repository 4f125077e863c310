// What the options ask for to see snapshots on.
#pragma once

#include <memory>
#include <string>

#include "app/request.h"
#include "cli/options.h"
#include "loop/display.h"
#include "loop/snapshot_source.h"
#include "loop/stop_signals.h"

namespace tcp_stats {

/// Columns of the rows, and how they are shown. `request`, `columns`, `reader` and `signals` must outlive the result.
/// `grouped`: null: the rows are flows, of `columns`; else they are the groups of these.
Result<std::unique_ptr<Display>> make_display(const Options &options, const Request &request, const Columns &columns,
                                              const RecordReader &reader, const GroupedFlows *grouped,
                                              const StopSignals &signals);

/// Adds groups to the snapshots of another.
class GroupedSource : public SnapshotSource {
public:
    GroupedSource(SnapshotSource &source, GroupedFlows &grouped) : source_(source), grouped_(grouped) {}

    Result<std::optional<Snapshot>> next() override;
    std::chrono::nanoseconds wait(std::chrono::nanoseconds interval) const override { return source_.wait(interval); }
    int closed_fd() const override { return source_.closed_fd(); }
    bool collect_closed() override { return source_.collect_closed(); }

private:
    SnapshotSource &source_;
    GroupedFlows &grouped_;
};

} // namespace tcp_stats
