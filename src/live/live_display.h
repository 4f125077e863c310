// Snapshots on a full screen with keys.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "live/held_log.h"
#include "live/model.h"
#include "live/own_cost.h"
#include "live/screen.h"
#include "loop/display.h"

namespace tcp_stats {

/// The terminal is the display's from the first snapshot until the viewer leaves, it ends or is destroyed; so long
/// messages of the log wait.
class LiveDisplay : public Display {
public:
    /// `columns` must outlive it. `cost` is asked at each snapshot.
    LiveDisplay(const Columns &columns, Model::Settings settings, bool colour, std::function<Cost()> cost);

    /// Error: usage, where the terminal cannot be used.
    Result<Viewer> show(Snapshot snapshot) override;
    std::chrono::nanoseconds interval() const override { return model_.interval(); }
    std::vector<int> inputs() const override;
    Result<Viewer> respond() override;
    bool is_kept() const override { return false; }
    Result<void> end(bool counted) override;

private:
    void press(const Key &key);
    void draw();
    void close();

    const Playback *playback_;
    Model model_;
    bool colour_;
    std::function<Cost()> cost_;
    std::optional<HeldLog> log_;
    std::unique_ptr<Screen> screen_; ///< goes before the log, which is written then
};

} // namespace tcp_stats
