#include "output/table_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "output/human.h"
#include "output/line_writer.h"
#include "output/time_text.h"

namespace tcp_stats {
namespace {

constexpr const char *bold = "\x1b[1m";
constexpr const char *dim = "\x1b[2m";
constexpr const char *normal = "\x1b[0m";

bool is_number(const Value &value) {
    return std::holds_alternative<std::uint64_t>(value) || std::holds_alternative<std::int64_t>(value) ||
           std::holds_alternative<double>(value);
}

/// A cell, and whether it stands on the right of its column.
struct Cell {
    std::string text;
    bool right;
};

void append_row(std::string &text, const std::vector<Cell> &cells, const std::vector<std::size_t> &widths) {
    std::string row;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        row += i == 0 ? "" : "  ";
        row += cells[i].right ? fmt::format("{:>{}}", cells[i].text, widths[i])
                              : fmt::format("{:<{}}", cells[i].text, widths[i]);
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row;
}

} // namespace

const std::vector<std::string> &table_column_names(bool grouped) {
    // The first of them fit on 80 columns.
    static const std::vector<std::string> of_flows = {
        "local",          "remote", "bytes_per_s",    "rtt_us",     "cwnd",
        "retr",           "limit",  "limit_pct",      "state",      "comm",
        "received_per_s", "bytes",  "bytes_received", "min_rtt_us", "delivery_rate",
        "notsent",        "rcvq",   "duration_ms",    "pid",        "ca"};
    static const std::vector<std::string> of_groups = {
        "flows",         "closed",      "bytes_per_s_sum",    "received_per_s_sum",
        "rtt_us_p50",    "rtt_us_p95",  "retr_sum",           "retr_per_s_sum",
        "limit_mode",    "bytes_sum",   "bytes_received_sum", "min_rtt_us_min",
        "in_flight_sum", "notsent_sum", "rcvq_sum",           "state",
        "comm",          "cgroup_path"};
    return grouped ? of_groups : of_flows;
}

std::vector<const FlowColumn *> table_columns(const FlowColumns &columns, bool grouped) {
    std::vector<const FlowColumn *> found;
    const auto add = [&](const FlowColumn *column) {
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

TableWriter::TableWriter(Layout layout, const FlowColumns &columns)
    : layout_(std::move(layout)), columns_(columns), chosen_(!layout_.columns.empty()) {
    if (!chosen_) {
        layout_.columns = table_columns(columns, !layout_.group_by.empty());
    }
}

std::string TableWriter::title(const Page &page) const {
    const auto &rows = page.snapshot.flows;
    std::uint64_t closed = 0;
    std::uint64_t open = 0;
    std::string text = time_of_day(page.time) + "  ";
    if (layout_.group_by.empty()) {
        closed = static_cast<std::uint64_t>(
            std::count_if(rows.begin(), rows.end(), [](const Flow &flow) { return flow.closed; }));
        open = rows.size() - closed;
    } else {
        const auto *open_of = columns_.find("flows");
        const auto *closed_of = columns_.find("closed");
        for (const auto &group : rows) {
            open += std::get<std::uint64_t>(open_of->value(group));
            closed += std::get<std::uint64_t>(closed_of->value(group));
        }
        text += fmt::format("groups: {}, ", rows.size());
    }
    text += fmt::format("flows: {}, closed: {}", open, closed);
    if (page.flows.size() < rows.size()) {
        text += fmt::format(", shown: {}", page.flows.size());
    }
    if (page.snapshot.reading.refused) {
        text += fmt::format(", refused in the kernel: {}", *page.snapshot.reading.refused);
    }
    return text + '\n';
}

std::string TableWriter::snapshot(const Page &page) {
    const auto &columns = layout_.columns;
    std::vector<std::vector<Cell>> rows;
    rows.reserve(page.flows.size());
    std::vector<Cell> headings;
    for (const auto *column : columns) {
        headings.push_back({heading(column->name), false});
        auto &width = widths_[column];
        width = std::max(width, headings.back().text.size());
    }
    for (const auto *flow : page.flows) {
        auto &row = rows.emplace_back();
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const auto value = columns[i]->value(*flow);
            row.push_back({human(value, columns[i]->unit), is_number(value)});
            headings[i].right = headings[i].right || row.back().right;
            auto &width = widths_[columns[i]];
            width = std::max(width, row.back().text.size());
        }
    }
    const auto room = chosen_ ? 0 : layout_.width();
    std::vector<std::size_t> widths;
    std::size_t used = 0;
    for (const auto *column : columns) {
        used += widths_[column] + (widths.empty() ? 0 : 2);
        if (room != 0 && used > room && !widths.empty()) {
            break;
        }
        widths.push_back(widths_[column]);
    }

    auto text = title(page);
    const auto in = [&](const char *style) { return layout_.colour ? style : ""; };
    if (!rows.empty()) {
        text += in(bold);
        append_row(text, headings, widths);
        text += in(normal);
        text += '\n';
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const bool faint = page.flows[i]->closed;
        text += faint ? in(dim) : "";
        append_row(text, rows[i], widths);
        text += faint ? in(normal) : "";
        text += '\n';
    }
    return text + comment_line(page.snapshot) + "\n";
}

} // namespace tcp_stats
