// Recording beside what is shown.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "loop/display.h"
#include "store/recorder.h"

namespace tcp_stats {

/// Records what is shown; shows nothing where `shown` is null.
class RecordingDisplay : public Display {
public:
    RecordingDisplay(std::unique_ptr<Recorder> recorder, std::unique_ptr<Display> shown,
                     std::chrono::nanoseconds interval);

    Result<Viewer> show(Snapshot snapshot) override;
    std::chrono::nanoseconds interval() const override { return shown_ ? shown_->interval() : interval_; }
    std::vector<int> inputs() const override { return shown_ ? shown_->inputs() : std::vector<int>(); }
    Result<Viewer> respond() override { return shown_ ? shown_->respond() : Viewer::stays; }
    bool is_kept() const override { return true; }
    Result<void> end(bool counted) override { return shown_ ? shown_->end(counted) : Result<void>(); }

private:
    std::unique_ptr<Recorder> recorder_;
    std::unique_ptr<Display> shown_;
    std::chrono::nanoseconds interval_;
};

} // namespace tcp_stats
