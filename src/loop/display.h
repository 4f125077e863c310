// What snapshots are shown on: pages of text, or a full screen with keys.
#pragma once

#include <chrono>
#include <vector>

#include "base/error.h"
#include "loop/snapshot_source.h"

namespace tcp_stats {

/// Whether somebody still looks.
enum class Viewer { stays, left };

class Display {
public:
    virtual ~Display() = default;

    virtual Result<Viewer> show(Snapshot snapshot) = 0;

    /// Time from one snapshot to the next, as the viewer wants it now.
    virtual std::chrono::nanoseconds interval() const = 0;

    /// Descriptors that become readable when the viewer does something; then `respond` is called.
    virtual std::vector<int> inputs() const { return {}; }
    virtual Result<Viewer> respond() { return Viewer::stays; }

    /// Whether a signal ends it only after what closed since the last snapshot was shown: text is kept, a screen is
    /// not.
    virtual bool is_kept() const = 0;

    /// After the last snapshot, unless the viewer left. `counted`: as many were shown as were asked for; else a signal
    /// came, or there are no more.
    virtual Result<void> end(bool /*counted*/) { return {}; }
};

/// Where snapshots are only recorded or served.
class NoDisplay : public Display {
public:
    explicit NoDisplay(std::chrono::nanoseconds interval) : interval_(interval) {}

    Result<Viewer> show(Snapshot /*snapshot*/) override { return Viewer::stays; }
    std::chrono::nanoseconds interval() const override { return interval_; }
    bool is_kept() const override { return true; }

private:
    std::chrono::nanoseconds interval_;
};

} // namespace tcp_stats
