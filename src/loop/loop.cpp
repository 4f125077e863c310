#include "loop/loop.h"

#include <algorithm>

namespace tcp_stats {
namespace {

using Clock = std::chrono::steady_clock;

enum class Next { snapshot, signal, leave };

/// Waits until the interval since `due`, when the last snapshot was due, is over; what the viewer does may change the
/// interval meanwhile. Then `due` is when the next one is.
Result<Next> wait_for_next(Clock::time_point &due, SnapshotSource &source, Display &display,
                           const StopSignals &signals) {
    auto descriptors = display.inputs();
    const auto closed = descriptors.size(); // its place
    descriptors.push_back(source.closed_fd());
    const auto begun = Clock::now();
    const auto interval = [&] { return source.wait(display.interval()); };
    const auto interval_before = interval();
    // A snapshot that took longer than the interval does not make the next ones hurry.
    const auto next_due = [&, last = due] { return std::max(last + interval(), begun); };
    StopSignals::Woken woken;
    do {
        woken = signals.wait(next_due(), descriptors);
        if (woken.by == StopSignals::By::signal) {
            return Next::signal;
        }
        if (woken.by == StopSignals::By::descriptor && woken.which == closed) {
            source.collect_closed();
        } else if (woken.by == StopSignals::By::descriptor) {
            const auto viewer = display.respond();
            if (!viewer || *viewer == Viewer::left) {
                return viewer ? Result<Next>(Next::leave) : tl::unexpected(viewer.error());
            }
        }
        // Asked here too: one who keeps a key down does not stop the snapshots.
    } while (woken.by != StopSignals::By::deadline && Clock::now() < next_due());
    due = interval() == interval_before ? next_due() : Clock::now();
    return Next::snapshot;
}

} // namespace

Result<void> show_snapshots(SnapshotSource &source, Display &display, std::optional<std::uint64_t> count,
                            const StopSignals &signals) {
    auto due = Clock::now();
    bool stopped = false;
    for (std::uint64_t number = 1;; ++number) {
        auto snapshot = source.next();
        if (!snapshot) {
            return tl::unexpected(snapshot.error());
        }
        if (!*snapshot) {
            break;
        }
        const auto viewer = display.show(std::move(**snapshot));
        if (!viewer) {
            return tl::unexpected(viewer.error());
        }
        if (*viewer == Viewer::left) {
            return {};
        }
        if (!stopped && count && number == *count) {
            return display.end(true);
        }
        if (stopped) { // that was for what closed since the snapshot before
            break;
        }
        const auto next = wait_for_next(due, source, display, signals);
        if (!next) {
            return tl::unexpected(next.error());
        }
        if (*next == Next::leave) {
            return {};
        }
        stopped = *next == Next::signal;
        if (stopped && !(display.is_kept() && source.collect_closed())) {
            break;
        }
    }
    return display.end(false);
}

} // namespace tcp_stats
