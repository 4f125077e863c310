// What some values of each flow were over the last minutes.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "column/columns.h"

namespace tcp_stats {

/// The values that are kept of one flow, at consecutive ticks.
class Trace {
public:
    static constexpr std::size_t longest = 180;
    enum Quantity : std::uint8_t { rtt, cwnd, rate, retransmits };
    static constexpr std::size_t quantities = 4;
    using Point = std::array<float, quantities>; ///< NaN: there is no value

    /// At a tick that was there the larger values stay.
    void put(std::uint64_t tick, const Point &point);

    /// NaN where nothing is known of that tick.
    float at(std::uint64_t tick, Quantity quantity) const;

private:
    std::vector<Point> points_; ///< grows up to `longest`, then is a ring
    std::uint64_t first_ = 0;   ///< the tick of points_[0] at first
    std::uint64_t next_ = 0;    ///< behind the last
};

/// The traces of all flows. A tick is a snapshot, or a second where snapshots come faster.
class Traces {
public:
    /// A quantity whose column is not there has no values.
    explicit Traces(const Columns &columns);

    const Column *column(Trace::Quantity quantity) const { return columns_[quantity]; }

    /// The next snapshot, at `time_ns` of one clock, has these rows.
    void take(std::uint64_t time_ns, const std::vector<Row> &rows);

    /// Forgets those of rows whose `id` is in neither.
    void forget_others(const std::vector<Row> &rows, const std::vector<Row> &or_these);

    /// Null where nothing is known of the flow.
    const Trace *find(std::uint64_t id) const;

    std::uint64_t tick() const { return tick_; } ///< the last
    /// When a tick of the last `Trace::longest` began.
    std::uint64_t time_ns(std::uint64_t tick) const { return times_ns_[tick % times_ns_.size()]; }
    std::size_t size() const { return traces_.size(); }

private:
    struct Kept {
        Trace trace;
        std::uint64_t wanted = 0; ///< the round of `forget_others` that wanted it last
    };

    std::array<const Column *, Trace::quantities> columns_;
    std::unordered_map<std::uint64_t, Kept> traces_; ///< by Row::id
    std::array<std::uint64_t, Trace::longest> times_ns_{};
    std::uint64_t tick_ = 0; ///< 0: none yet
    std::uint64_t round_ = 0;
};

} // namespace tcp_stats
