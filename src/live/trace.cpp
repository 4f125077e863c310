#include "live/trace.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tcp_stats {
namespace {

constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
/// A little less than a second, so that snapshots of each second are ticks of their own.
constexpr std::uint64_t shortest_tick_ns = 950'000'000;

float number(const Column *column, RowValues &values) {
    if (column == nullptr) {
        return nothing;
    }
    const auto value = values[*column];
    if (const auto *whole = std::get_if<std::uint64_t>(&value)) {
        return static_cast<float>(*whole);
    }
    const auto *broken = std::get_if<double>(&value);
    return broken == nullptr ? nothing : static_cast<float>(*broken);
}

} // namespace

void Trace::put(std::uint64_t tick, const Point &point) {
    if (points_.empty()) {
        first_ = next_ = tick;
    }
    if (tick + 1 == next_) {
        auto &last = points_[(tick - first_) % longest];
        for (std::size_t i = 0; i < quantities; ++i) {
            last[i] = std::fmax(last[i], point[i]); // of a NaN and a number the number
        }
        return;
    }
    for (; next_ <= tick; ++next_) {
        const auto &put = next_ == tick ? point : Point{nothing, nothing, nothing, nothing};
        if (points_.size() < longest) {
            if (points_.size() == points_.capacity()) {
                points_.reserve(std::min(longest, 2 * points_.size() + 4)); // not more than are ever needed
            }
            points_.push_back(put);
        } else {
            points_[(next_ - first_) % longest] = put;
        }
    }
}

float Trace::at(std::uint64_t tick, Quantity quantity) const {
    if (tick < first_ || tick >= next_ || tick + points_.size() < next_) {
        return nothing;
    }
    return points_[(tick - first_) % longest][quantity];
}

Traces::Traces(const Columns &columns)
    : columns_{columns.find("rtt_us"), columns.find("cwnd"), columns.find("bytes_per_s"), columns.find("retr_per_s")} {}

void Traces::take(std::uint64_t time_ns, const std::vector<Row> &rows) {
    if (tick_ == 0 || time_ns >= this->time_ns(tick_) + shortest_tick_ns) {
        ++tick_;
        times_ns_[tick_ % times_ns_.size()] = time_ns;
    }
    for (const auto &row : rows) {
        RowValues values(row);
        Trace::Point point{};
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            point[i] = number(columns_[i], values);
        }
        traces_[row.id()].trace.put(tick_, point);
    }
}

void Traces::forget_others(const std::vector<Row> &rows, const std::vector<Row> &or_these) {
    ++round_;
    for (const auto *wanted : {&rows, &or_these}) {
        for (const auto &row : *wanted) {
            if (const auto found = traces_.find(row.id()); found != traces_.end()) {
                found->second.wanted = round_;
            }
        }
    }
    std::erase_if(traces_, [&](const auto &entry) { return entry.second.wanted != round_; });
}

const Trace *Traces::find(std::uint64_t id) const {
    const auto found = traces_.find(id);
    return found == traces_.end() ? nullptr : &found->second.trace;
}

} // namespace tcp_stats
