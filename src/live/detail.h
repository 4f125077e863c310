// All of one flow: how some values went, what limits it, every field.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/frame.h"
#include "live/key.h"
#include "live/picture.h"
#include "live/trace.h"

namespace tcp_stats {

/// Keeps what was last known of a flow that goes.
class Detail {
public:
    /// Of the flow `id`. `columns` must outlive it.
    Detail(const Columns &columns, std::uint64_t id, bool unicode);

    void update(const Frame &frame, const Traces &traces);

    /// Scrolls the fields. False: the viewer goes back.
    bool press(const Key &key);

    std::vector<Line> lines(Size size);

private:
    std::string value(std::string_view name) const;
    Line title(std::size_t width) const;
    void add_graphs(std::vector<Line> &lines, std::size_t width) const;
    void add_limits(std::vector<Line> &lines) const;
    std::vector<Line> fields(std::size_t width) const;

    const Columns &columns_;
    std::uint64_t id_;
    bool unicode_;
    std::optional<KeptRow> row_; ///< absent: never seen
    bool gone_ = false;
    Trace trace_;
    std::array<const Column *, Trace::quantities> traced_{};
    std::uint64_t tick_ = 0;
    std::vector<std::uint64_t> times_ns_; ///< of the last ticks, up to tick_
    std::size_t top_ = 0;
    std::size_t page_ = 1;
};

} // namespace tcp_stats
