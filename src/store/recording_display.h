// Recording beside what is shown.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "loop/display.h"
#include "store/recorder.h"

namespace tcp_stats {

/// Records what is shown.
class RecordingDisplay : public Display {
public:
    RecordingDisplay(std::unique_ptr<Recorder> recorder, std::unique_ptr<Display> shown);

    Result<Viewer> show(Snapshot snapshot) override;
    std::chrono::nanoseconds interval() const override { return shown_->interval(); }
    std::vector<int> inputs() const override { return shown_->inputs(); }
    Result<Viewer> respond() override { return shown_->respond(); }
    bool is_kept() const override { return true; }
    Result<void> end(bool counted) override { return shown_->end(counted); }

private:
    std::unique_ptr<Recorder> recorder_;
    std::unique_ptr<Display> shown_;
};

} // namespace tcp_stats
