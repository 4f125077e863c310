#include "live/detail.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/translate.h"
#include "live/cells.h"
#include "live/sparkline.h"
#include "output/human.h"

namespace tcp_stats {
namespace {

constexpr std::size_t label_width = 18;
constexpr std::size_t value_width = 18;

/// The values of a cell for each `step` ticks up to `last`, the largest of them; `count` cells.
std::vector<float> values_of(const Trace &trace, Trace::Quantity quantity, std::uint64_t last, std::size_t step,
                             std::size_t count) {
    std::vector<float> values(count, std::numeric_limits<float>::quiet_NaN());
    const auto last_cell = last / step; // cells begin at multiples, so that they do not change as time goes on
    for (std::size_t i = 0; i < count && i <= last_cell; ++i) {
        auto &value = values[count - 1 - i];
        for (std::uint64_t tick = (last_cell - i) * step; tick < (last_cell - i + 1) * step && tick <= last; ++tick) {
            value = std::fmax(value, trace.at(tick, quantity));
        }
    }
    return values;
}

/// Whether the lines above the fields have it.
bool is_above(const Column &column, const std::array<const Column *, Trace::quantities> &traced) {
    static constexpr std::array names = {"local", "remote", "state", "ended", "error", "comm", "limit", "limit_pct"};
    return std::find(names.begin(), names.end(), column.name) != names.end() ||
           std::find(traced.begin(), traced.end(), &column) != traced.end() ||
           (column.field != nullptr && column.field->source == Source::share && column.of.empty());
}

} // namespace

Detail::Detail(const Columns &columns, std::uint64_t id, bool unicode)
    : columns_(columns), id_(id), unicode_(unicode) {}

void Detail::update(const Frame &frame, const Traces &traces) {
    auto found = frame.find(id_);
    gone_ = !found;
    if (gone_) {
        return;
    }
    row_ = std::move(found);
    if (const auto *trace = traces.find(id_)) {
        trace_ = *trace;
    }
    tick_ = traces.tick();
    times_ns_.clear();
    for (std::uint64_t tick = tick_ - std::min<std::uint64_t>(tick_, Trace::longest) + 1; tick <= tick_; ++tick) {
        times_ns_.push_back(traces.time_ns(tick));
    }
    for (std::size_t i = 0; i < traced_.size(); ++i) {
        traced_[i] = traces.column(static_cast<Trace::Quantity>(i));
    }
}

bool Detail::press(const Key &key) {
    const auto back = [&](std::size_t rows) { top_ -= std::min(top_, rows); };
    using enum Key::Code;
    switch (key.code) {
    case up:
        back(1);
        return true;
    case down:
        ++top_;
        return true;
    case page_up:
        back(page_);
        return true;
    case page_down:
        top_ += page_;
        return true;
    case home:
        top_ = 0;
        return true;
    case end:
        top_ = columns_.all().size();
        return true;
    case enter:
    case escape:
        return false;
    case character:
        if (key.character == U'j') {
            ++top_;
        } else if (key.character == U'k') {
            back(1);
        }
        return key.character != U'q';
    default:
        return true;
    }
}

std::string Detail::value(std::string_view name) const {
    const auto *column = columns_.find(name);
    return column == nullptr ? "" : human(tcp_stats::value(*column, row_->row()), column->unit);
}

Line Detail::title(std::size_t width) const {
    auto text = value("local");
    if (text.empty()) { // a group of flows with different ends: its key
        const auto &key = columns_.all().front();
        text = key.name + " " + human(tcp_stats::value(key, row_->row()), key.unit);
    }
    for (const auto *name : {"remote", "state", "ended", "error", "comm"}) {
        if (const auto part = value(name); !part.empty()) {
            text += (text.empty()                                                    ? ""
                     : name == std::string_view("remote") && !value("local").empty() ? " -> "
                                                                                     : "  ") +
                    part;
        }
    }
    if (gone_) {
        text += "  " + tr("(has gone)");
    }
    return {{fitted(" " + text, width), Style::heading}};
}

void Detail::add_graphs(std::vector<Line> &lines, std::size_t width) const {
    constexpr std::size_t now_width = 11;
    constexpr std::size_t before = label_width + now_width + 2;
    constexpr std::size_t behind = 16; // what the highest is
    constexpr std::size_t narrowest = 8;
    const auto room = width < before + behind + narrowest ? narrowest : width - before - behind;
    // As many ticks in a cell as it takes to show all that are known.
    const auto known = std::max<std::size_t>(times_ns_.size(), 1);
    const auto step = (known + room - 1) / room;
    const auto count = std::min(room, (Trace::longest + step - 1) / step);
    for (std::size_t i = 0; i < traced_.size(); ++i) {
        const auto *column = traced_[i];
        if (column == nullptr) {
            continue;
        }
        const auto quantity = static_cast<Trace::Quantity>(i);
        const auto values = values_of(trace_, quantity, tick_, step, count);
        float highest = -1;
        for (const float one : values) {
            highest = std::fmax(highest, one);
        }
        const auto most = highest < 0 ? "" : tr("max {}", human(double(highest), column->unit));
        lines.push_back(
            {{fitted(column->name, label_width), Style::strong},
             {fitted_right(human(tcp_stats::value(*column, row_->row()), column->unit), now_width) + "  ",
              Style::plain},
             {sparkline(values, highest, unicode_), quantity == Trace::retransmits ? Style::loss : Style::graph},
             {"  " + most, Style::plain}});
    }
    const auto span_ns = times_ns_.empty() ? 0 : times_ns_.back() - times_ns_.front();
    if (span_ns > 0) {
        lines.push_back(
            {{std::string(before, ' ') + tr("the last {}, newest on the right", human(span_ns, unit_of("ns"))),
              Style::plain}});
    }
}

void Detail::add_limits(std::vector<Line> &lines) const {
    const auto verdict = value("limit");
    if (columns_.find("limit") == nullptr) {
        return;
    }
    Line line = {{fitted("limit", label_width), Style::strong},
                 {verdict.empty() ? tr("none: nothing was sent since the snapshot before")
                                  : fmt::format("{} {}", verdict, value("limit_pct")),
                  Style::strong}};
    lines.push_back(line);
    if (verdict.empty()) {
        return;
    }
    line = {{std::string(label_width, ' '), Style::plain}};
    for (const auto &field : known_fields()) {
        if (field.source != Source::share) {
            continue;
        }
        const auto name = name_of({Naming::limit, static_cast<std::uint64_t>(field.limit)});
        if (const auto part = value(field.name); !part.empty()) {
            const auto style = field.limit == Limit::app ? Style::strong : style_of(field.limit);
            line.push_back({fmt::format("{} {}   ", name, part), verdict == name ? style : Style::plain});
        }
    }
    lines.push_back(std::move(line));
}

/// Every other field that has a value, in as many columns as fit; long ones below them.
std::vector<Line> Detail::fields(std::size_t width) const {
    std::vector<std::string> cells_of;
    std::vector<std::string> long_ones;
    RowValues values(row_->row());
    for (const auto &column : columns_.all()) {
        const auto text = human(values[column], column.unit);
        if (text.empty() || is_above(column, traced_)) {
            continue;
        }
        const auto cell = fitted(column.name, label_width - 1) + " " + text;
        (cells(text) > value_width ? long_ones : cells_of).push_back(cell);
    }
    constexpr std::size_t cell_width = label_width + value_width + 2;
    const auto columns = std::max<std::size_t>(1, (width + 2) / cell_width);
    const auto rows = (cells_of.size() + columns - 1) / columns;
    std::vector<Line> lines;
    for (std::size_t row = 0; row < rows; ++row) {
        std::string text;
        for (auto i = row; i < cells_of.size(); i += rows) {
            text += fitted(cells_of[i], cell_width);
        }
        lines.push_back({{text, Style::plain}});
    }
    for (auto &text : long_ones) {
        lines.push_back({{std::move(text), Style::plain}});
    }
    return lines;
}

std::vector<Line> Detail::lines(Size size) {
    if (!row_) {
        return {};
    }
    std::vector<Line> lines = {title(size.columns)};
    add_graphs(lines, size.columns);
    add_limits(lines);
    lines.emplace_back();
    const auto all = fields(size.columns);
    page_ = std::max(size.rows, lines.size() + 1) - lines.size();
    top_ = std::min(top_, all.size() - std::min(all.size(), page_));
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(top_);
    lines.insert(lines.end(), begin, begin + static_cast<std::ptrdiff_t>(std::min(page_, all.size() - top_)));
    return lines;
}

} // namespace tcp_stats
