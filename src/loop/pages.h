// Snapshots as pages of text on standard output.
#pragma once

#include <memory>
#include <string>

#include "base/choices.h"
#include "loop/display.h"
#include "loop/standard_output.h"
#include "loop/stop_signals.h"
#include "output/writer.h"
#include "view/view.h"

namespace tcp_stats {

/// The viewer is who reads standard output, and leaves by closing it.
class Pages : public Display {
public:
    /// `last_words`: what stands behind the last snapshot, unless it was counted. `signals` must outlive it.
    Pages(OutputFormat format, std::unique_ptr<Writer> writer, View view, std::chrono::nanoseconds interval,
          std::string last_words, const StopSignals &signals);

    /// Errors: output_failed.
    Result<Viewer> show(Snapshot snapshot) override;
    std::chrono::nanoseconds interval() const override { return interval_; }
    bool is_kept() const override { return true; }
    Result<void> end(bool counted) override;

private:
    /// What became of all that was written.
    Result<Viewer> written();

    OutputFormat format_;
    std::unique_ptr<Writer> writer_;
    View view_;
    std::chrono::nanoseconds interval_;
    std::string last_words_;
    StandardOutput output_;
    Sink sink_;
};

} // namespace tcp_stats
