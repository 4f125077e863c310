#include "live/timeline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/translate.h"
#include "live/cells.h"
#include "live/sparkline.h"
#include "output/time_text.h"

namespace tcp_stats {
namespace {

using Moment = Playback::Moment;
using Counted = std::optional<std::uint64_t> Moment::*;

constexpr float absent = std::numeric_limits<float>::quiet_NaN();

/// Times that are shown in cells.
class Axis {
public:
    Axis(WallTime begin, WallTime end, std::size_t cells) : begin_(begin), end_(end), cells_(cells) {}

    std::size_t cell(WallTime time) const {
        const auto share = end_ == begin_ ? 0 : static_cast<double>(time - begin_) / static_cast<double>(end_ - begin_);
        return static_cast<std::size_t>(share * static_cast<double>(cells_ - 1));
    }

private:
    WallTime begin_, end_;
    std::size_t cells_;
};

/// What was counted in each cell. A snapshot stands for the time until the next of its run.
std::vector<float> sums(const std::vector<Moment> &moments, const Axis &axis, std::size_t cells, Counted counted) {
    std::vector<float> sums(cells, absent);
    for (std::size_t i = 0; i < moments.size(); ++i) {
        if (!(moments[i].*counted)) {
            continue;
        }
        const auto cell = axis.cell(moments[i].time);
        sums[cell] = (std::isnan(sums[cell]) ? 0 : sums[cell]) + static_cast<float>(*(moments[i].*counted));
        if (i + 1 < moments.size() && !moments[i + 1].begins_run) {
            for (auto between = cell + 1; between < axis.cell(moments[i + 1].time); ++between) {
                sums[between] = std::isnan(sums[between]) ? 0 : sums[between];
            }
        }
    }
    return sums;
}

} // namespace

std::vector<Line> timeline(const Playback &playback, std::size_t width, bool unicode) {
    const auto &moments = playback.moments();
    struct Kind {
        std::string name;
        Counted counted;
        Style style;
    };
    const std::array<Kind, 2> kinds = {Kind{tr("retransmits"), &Moment::retransmits, Style::graph},
                                       Kind{tr("failures"), &Moment::failures, Style::loss}};
    const auto width_of_names = std::max(cells(kinds[0].name), cells(kinds[1].name)) + 1;
    constexpr WallTime day_ns = 86'400'000'000'000;
    const auto [first, last] = std::minmax_element(
        moments.begin(), moments.end(), [](const Moment &one, const Moment &other) { return one.time < other.time; });
    const auto begin = first->time, end = last->time;
    const bool is_long = end - begin > day_ns;
    const auto clock = [&](WallTime time) {
        return is_long ? day_and_minute(time_point(time)) : time_of_day(time_point(time));
    };
    const std::size_t clock_width = is_long ? 13 : 10; // with a blank at each side
    const auto room = width - std::min(width, width_of_names + 2 * clock_width);
    if (room < 2) {
        return {};
    }
    const Axis axis(begin, end, room);
    const auto here = axis.cell(moments[playback.now()].time);
    std::vector<Line> lines;
    for (const auto &kind : kinds) {
        const auto values = sums(moments, axis, room, kind.counted);
        float highest = 0;
        for (const auto value : values) {
            highest = std::max(highest, std::isnan(value) ? 0 : value);
        }
        const bool is_first = lines.empty();
        auto &line = lines.emplace_back(Line{{fitted(kind.name, width_of_names), Style::plain},
                                             {fitted(is_first ? clock(begin) : "", clock_width - 1), Style::plain}});
        for (std::size_t i = 0; i < room; ++i) {
            // What is little is more than nothing.
            const auto bar = values[i] > 0 ? std::max(values[i], highest / 7) : values[i];
            line.push_back({sparkline({bar}, highest, unicode), i == here ? Style::selected : kind.style});
        }
        line.push_back({" " + (is_first ? clock(end) : ""), Style::plain});
    }
    return lines;
}

std::size_t moment_after(const Playback &playback, WallTime ns) {
    const auto &moments = playback.moments();
    auto at = playback.now();
    const auto time = moments[at].time + ns;
    while (ns < 0 ? at > 0 && moments[at].time > time : at + 1 < moments.size() && moments[at].time < time) {
        at += ns < 0 ? std::size_t(-1) : 1;
    }
    return at;
}

} // namespace tcp_stats
