#include "live/frame.h"

#include <algorithm>

namespace tcp_stats {
namespace {

/// The closed flows of `snapshot`, without the records of others.
Snapshot finished_part(const Snapshot &snapshot) {
    Snapshot part;
    part.time = snapshot.time;
    part.time_ns = snapshot.time_ns;
    part.before_time_ns = snapshot.before_time_ns;
    part.closed = snapshot.closed;
    const auto before = std::make_shared<Records>(snapshot.closed->record_size());
    for (auto flow = snapshot.flows.end() - static_cast<std::ptrdiff_t>(snapshot.closed_count);
         flow != snapshot.flows.end(); ++flow) {
        auto &kept = part.flows.emplace_back(*flow);
        if (flow->before != Flow::none) {
            kept.before = static_cast<std::uint32_t>(before->size());
            before->add(snapshot.before->sock(flow->before), (*snapshot.before)[flow->before].data());
        }
    }
    part.before = before;
    part.closed_count = part.flows.size();
    return part;
}

void add_rows(const Snapshot &snapshot, std::size_t count, std::vector<Row> &rows) {
    for (std::size_t i = 0; i < count; ++i) {
        rows.push_back({&snapshot, i});
    }
}

} // namespace

std::vector<Row> Frame::open_rows() const {
    std::vector<Row> rows;
    if (snapshot != nullptr) {
        const auto count = snapshot->groups ? snapshot->rows() : snapshot->flows.size() - snapshot->closed_count;
        rows.reserve(count);
        add_rows(*snapshot, count, rows);
    }
    return rows;
}

std::vector<Row> Frame::rows() const {
    auto all = open_rows();
    for (const auto &some : finished) {
        add_rows(*some.snapshot, some.snapshot->rows(), all);
    }
    return all;
}

std::size_t Frame::closed_count() const {
    std::size_t count = 0;
    for (const auto &some : finished) {
        count += some.snapshot->rows();
    }
    return count;
}

std::optional<KeptRow> Frame::find(std::uint64_t id) const {
    const auto all = rows();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Row &row) { return row.id() == id; });
    if (found == all.end()) {
        return std::nullopt;
    }
    if (found->snapshot == snapshot.get()) {
        return KeptRow{snapshot, found->index};
    }
    const auto owner = std::find_if(finished.begin(), finished.end(),
                                    [&](const Finished &some) { return some.snapshot.get() == found->snapshot; });
    return KeptRow{owner->snapshot, found->index};
}

Frame next_frame(const Frame &before, Snapshot snapshot, bool keep_closed) {
    Frame frame;
    const auto now_ns = snapshot.time_ns;
    for (const auto &some : before.finished) {
        if (keep_closed || now_ns < some.since_ns + closed_stays_ns) {
            frame.finished.push_back(some);
        }
    }
    while (frame.closed_count() > most_closed) {
        frame.finished.erase(frame.finished.begin());
    }
    if (snapshot.closed_count > 0 && !snapshot.groups) {
        frame.finished.push_back({std::make_shared<const Snapshot>(finished_part(snapshot)), now_ns});
    }
    frame.snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
    return frame;
}

} // namespace tcp_stats
