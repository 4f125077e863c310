#include "output/table_writer.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/characters.h"
#include "output/human.h"
#include "output/line_writer.h"
#include "output/time_text.h"
#include "view/groups.h"

namespace tcp_stats {
namespace {

constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view dim = "\x1b[2m";
constexpr std::string_view normal = "\x1b[0m";
constexpr std::size_t gap = 2;

bool is_of(const Column &column, Source source, Naming naming) {
    return column.field != nullptr && column.field->source == source && column.field->naming == naming;
}

/// Of what a flow's end is: such a column is shown when a row has something to say there.
bool waits_for_its_time(const Column &column) {
    return is_of(column, Source::state_time, Naming::none) || is_of(column, Source::record, Naming::ending) ||
           is_of(column, Source::record, Naming::error);
}

/// ESTABLISHED and LISTEN are the states that last.
bool has_something_to_say(const Column &column, RowValues &values, const Column *state) {
    constexpr std::uint64_t minute_ms = 60'000;
    const auto value = values[column];
    const auto *ms = std::get_if<std::uint64_t>(&value);
    if (ms == nullptr || state == nullptr) {
        return !is_absent(value);
    }
    const auto in_state = values[*state];
    return *ms >= minute_ms && !values.row().closed() && in_state != Value(Word{Naming::tcp_state, tcp_established}) &&
           in_state != Value(Word{Naming::tcp_state, tcp_listen});
}

/// How many cells of a terminal the text of a value takes. Only what somebody named has characters of other widths.
std::size_t cells_of(const Value &value, std::string_view text) {
    return std::holds_alternative<std::string_view>(value) ? cells(text) : text.size();
}

/// Cells of a line, each filled up to the width of its column, without blanks at the end of the line.
class LineOfCells {
public:
    explicit LineOfCells(Sink &sink) : sink_(sink) {}

    /// `text` takes `taken` cells of the `width` of its column.
    void put(std::string_view text, std::size_t taken, std::size_t width, bool right) {
        const auto filling = width - std::min(width, taken);
        blanks_ += right ? filling : 0;
        if (!text.empty()) {
            static constexpr std::string_view some_blanks = "                                                ";
            for (; blanks_ > some_blanks.size(); blanks_ -= some_blanks.size()) {
                sink_.put(some_blanks);
            }
            sink_.put(some_blanks.substr(0, blanks_));
            blanks_ = 0;
            sink_.put(text);
        }
        blanks_ += (right ? 0 : filling) + gap;
    }

private:
    Sink &sink_;
    std::size_t blanks_ = 0; ///< still to be written, before the next text
};

} // namespace

const std::vector<std::string> &table_column_names(bool grouped) {
    // The first of them fit on 80 columns.
    static const std::vector<std::string> of_flows = {
        "local",          "remote", "bytes_per_s",    "rtt_us",     "cwnd",
        "retr",           "limit",  "limit_pct",      "state",      "comm",
        "received_per_s", "bytes",  "bytes_received", "min_rtt_us", "delivery_rate",
        "notsent",        "rcvq",   "duration_ms",    "pid",        "ca",
        "state_ms",       "ended",  "error"};
    static const std::vector<std::string> of_groups = {"flows",
                                                       "closed",
                                                       "failed",
                                                       "bytes_per_s_sum",
                                                       "received_per_s_sum",
                                                       "rtt_us_p50",
                                                       "rtt_us_p95",
                                                       "retr_sum",
                                                       "retr_per_s_sum",
                                                       "limit_mode",
                                                       "bytes_sum",
                                                       "bytes_received_sum",
                                                       "min_rtt_us_min",
                                                       "in_flight_sum",
                                                       "notsent_sum",
                                                       "rcvq_sum",
                                                       "state",
                                                       "comm",
                                                       "cgroup_path"};
    return grouped ? of_groups : of_flows;
}

std::vector<const Column *> table_columns(const Columns &columns, bool grouped) {
    std::vector<const Column *> found;
    const auto add = [&](const Column *column) {
        if (column != nullptr && std::find(found.begin(), found.end(), column) == found.end()) {
            found.push_back(column);
        }
    };
    if (grouped) {
        add(&columns.all().front()); // the key
    }
    for (const auto &name : table_column_names(grouped)) {
        add(columns.find(name));
    }
    for (const auto &column : columns.all()) {
        if (column.field == nullptr) { // the program's own, which somebody wanted
            add(&column);
        }
    }
    return found;
}

TableWriter::TableWriter(Layout layout, const Columns &columns)
    : layout_(std::move(layout)), chosen_(!layout_.columns.empty()) {
    for (const auto *column : chosen_ ? layout_.columns : table_columns(columns, !layout_.group_by.empty())) {
        auto name = heading(column->name);
        const auto width = name.size();
        const bool own = column->field == nullptr; // which may have a sign
        const auto enough =
            own || !is_number(column->type) ? std::numeric_limits<std::size_t>::max() : most_characters(column->unit);
        columns_.push_back({column, std::move(name), enough, width});
    }
    const auto state = std::find_if(columns_.begin(), columns_.end(), [](const Shown &shown) {
        return is_of(*shown.column, Source::record, Naming::tcp_state);
    });
    if (!chosen_ && state != columns_.end()) {
        state_ = state->column;
        const auto waiting = std::stable_partition(
            state + 1, columns_.end(), [](const Shown &shown) { return !waits_for_its_time(*shown.column); });
        std::for_each(waiting, columns_.end(), [](Shown &shown) { shown.hidden = true; });
        std::rotate(state + 1, waiting, columns_.end());
    }
}

std::string TableWriter::title(const Snapshot &snapshot, std::size_t shown) const {
    std::uint64_t closed = snapshot.closed_count;
    std::uint64_t open = snapshot.flows.size() - closed;
    std::string text = time_of_day(snapshot.time) + "  ";
    if (snapshot.groups) {
        closed = open = 0;
        for (std::size_t group = 0; group < snapshot.groups->size(); ++group) {
            open += std::get<std::uint64_t>(snapshot.groups->cell(group, Groups::flows_column));
            closed += std::get<std::uint64_t>(snapshot.groups->cell(group, Groups::closed_column));
        }
        text += fmt::format("groups: {}, ", snapshot.groups->size());
    }
    text += fmt::format("flows: {}, closed: {}", open, closed);
    if (shown < snapshot.rows()) {
        text += fmt::format(", shown: {}", shown);
    }
    if (snapshot.refused) {
        text += fmt::format(", refused in the kernel: {}", *snapshot.refused);
    }
    return text + '\n';
}

/// A column that is wide enough for any number in its unit is not looked at once more. (An absurd one makes its line
/// longer.)
void TableWriter::measure(const std::vector<Row> &rows) {
    for (auto &shown : columns_) {
        shown.right = false;
    }
    for (const auto &row : rows) {
        RowValues values(row);
        for (auto &shown : columns_) {
            shown.hidden = shown.hidden && !has_something_to_say(*shown.column, values, state_);
            if (shown.right && shown.width >= shown.enough) {
                continue;
            }
            const auto value = values[*shown.column];
            shown.right = shown.right || is_number(value);
            shown.width = std::max(shown.width, cells_of(value, human(value, shown.column->unit, memory_)));
        }
    }
}

/// On a terminal that tells its width: of the usual ones.
std::vector<const TableWriter::Shown *> TableWriter::columns_that_fit() const {
    const auto room = chosen_ ? 0 : layout_.width();
    std::size_t used = 0;
    std::vector<const Shown *> fitting;
    for (const auto &shown : columns_) {
        if (shown.hidden) {
            continue;
        }
        used += shown.width + (fitting.empty() ? 0 : gap);
        if (room != 0 && used > room && !fitting.empty()) {
            break;
        }
        fitting.push_back(&shown);
    }
    return fitting;
}

void TableWriter::write_row(const Row &row, const std::vector<const Shown *> &columns, Sink &sink) {
    RowValues values(row);
    LineOfCells line(sink);
    for (const auto *shown : columns) {
        const auto value = values[*shown->column];
        const auto text = human(value, shown->column->unit, memory_);
        line.put(text, cells_of(value, text), shown->width, is_number(value));
    }
}

void TableWriter::write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) {
    measure(rows);
    const auto columns = columns_that_fit();
    sink.put(title(snapshot, rows.size()));
    const auto in_style = [&](std::string_view style, bool wanted, const auto &write_line) {
        const bool styled = wanted && layout_.colour;
        sink.put(styled ? style : "");
        write_line();
        sink.put(styled ? normal : "");
        sink.put('\n');
    };
    if (!rows.empty()) {
        in_style(bold, true, [&] {
            LineOfCells line(sink);
            for (const auto *shown : columns) {
                line.put(shown->heading, cells(shown->heading), shown->width, shown->right);
            }
        });
    }
    for (const auto &row : rows) {
        in_style(dim, row.closed(), [&] { write_row(row, columns, sink); });
    }
    if (!snapshot.missed.empty()) {
        sink.put(comment_line(snapshot));
        sink.put('\n');
    }
    sink.put('\n');
}

} // namespace tcp_stats
