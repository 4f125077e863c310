// Snapshots as pages of text on standard output.
#pragma once

#include <memory>
#include <string>

#include "base/choices.h"
#include "loop/display.h"
#include "loop/stop_signals.h"
#include "output/writer.h"
#include "view/view.h"

namespace tcp_stats {

/// The viewer is who reads standard output, and leaves by closing it.
class Pages : public Display {
public:
    /// `signals` must outlive the result.
    Pages(OutputFormat format, std::unique_ptr<Writer> writer, View view, std::chrono::nanoseconds interval,
          const StopSignals &signals);

    /// Errors: output_failed.
    Result<Viewer> show(Taken taken) override;
    std::chrono::nanoseconds interval() const override { return interval_; }
    bool is_kept() const override { return true; }
    Result<void> end() override;

private:
    Result<Viewer> write(const std::string &text) const;

    OutputFormat format_;
    std::unique_ptr<Writer> writer_;
    View view_;
    std::chrono::nanoseconds interval_;
    const StopSignals &signals_;
    std::string before_; ///< what stands before the next snapshot
};

} // namespace tcp_stats
