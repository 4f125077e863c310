#include "live/frame.h"

#include <algorithm>
#include <iterator>

namespace tcp_stats {
namespace {

/// Takes the closed flows out of `snapshot`. The flows' records stay where they are: vectors keep their place in memory
/// when they are moved.
std::shared_ptr<const FinishedFlows> take_closed(Snapshot &snapshot) {
    auto taken = std::make_shared<FinishedFlows>();
    auto &flows = snapshot.flows;
    const auto first = std::stable_partition(flows.begin(), flows.end(), [](const Flow &flow) { return !flow.closed; });
    std::move(first, flows.end(), std::back_inserter(taken->flows));
    flows.erase(first, flows.end());
    taken->records = std::move(snapshot.reading.closed);
    return taken;
}

} // namespace

std::vector<const Flow *> Frame::flows() const {
    std::vector<const Flow *> all;
    const auto add = [&](const std::vector<Flow> &flows) {
        for (const auto &flow : flows) {
            all.push_back(&flow);
        }
    };
    if (snapshot != nullptr) {
        all.reserve(snapshot->flows.size() + closed_count());
        add(snapshot->flows);
    }
    for (const auto &some : closed) {
        add(some.flows->flows);
    }
    return all;
}

std::size_t Frame::closed_count() const {
    std::size_t count = 0;
    for (const auto &some : closed) {
        count += some.flows->flows.size();
    }
    return count;
}

std::shared_ptr<const Flow> Frame::find(std::uint64_t id) const {
    const auto among = [&](const auto &owner) -> std::shared_ptr<const Flow> {
        const auto &flows = owner->flows;
        const auto found = std::find_if(flows.begin(), flows.end(), [&](const Flow &flow) { return flow.id == id; });
        return found == flows.end() ? nullptr : std::shared_ptr<const Flow>(owner, &*found);
    };
    auto found = snapshot == nullptr ? nullptr : among(snapshot);
    for (auto some = closed.begin(); found == nullptr && some != closed.end(); ++some) {
        found = among(some->flows);
    }
    return found;
}

Frame next_frame(const Frame &before, Taken taken, bool keep_closed) {
    Frame frame;
    frame.time = taken.time;
    const auto now_ns = taken.snapshot.reading.time_ns;
    for (const auto &some : before.closed) {
        if (keep_closed || now_ns < some.since_ns + closed_stays_ns) {
            frame.closed.push_back(some);
        }
    }
    while (frame.closed_count() > most_closed) {
        frame.closed.erase(frame.closed.begin());
    }
    if (auto closed = take_closed(taken.snapshot); !closed->flows.empty()) {
        frame.closed.push_back({std::move(closed), now_ns});
    }
    frame.snapshot = std::make_shared<const Snapshot>(std::move(taken.snapshot));
    return frame;
}

} // namespace tcp_stats
