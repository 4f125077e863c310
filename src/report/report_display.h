// A report of all snapshots, written when they end.
#pragma once

#include <chrono>

#include "loop/display.h"
#include "loop/stop_signals.h"
#include "report/report.h"
#include "report/tally.h"

namespace tcp_stats {

/// That a report is not for a terminal, where standard output is one. Error: usage.
Result<void> check_report_output();

class ReportDisplay : public Display {
public:
    /// `signals` must outlive it.
    ReportDisplay(Tally tally, ReportOrigin origin, std::chrono::nanoseconds interval, const StopSignals &signals);

    Result<Viewer> show(Snapshot snapshot) override;
    std::chrono::nanoseconds interval() const override { return interval_; }
    bool is_kept() const override { return true; }
    /// Error: output_failed.
    Result<void> end(bool counted) override;

private:
    Tally tally_;
    ReportOrigin origin_;
    std::chrono::nanoseconds interval_;
    const StopSignals &signals_;
};

} // namespace tcp_stats
