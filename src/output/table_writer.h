// The `table` format: aligned columns in units for people.
#pragma once

#include <map>

#include "output/writer.h"

namespace tcp_stats {

/// Each snapshot is a line with the time and the number of flows, the headings, a row for each flow, and what was
/// missed. In a terminal the usual columns are as many as fit; columns that were asked for are all shown. They do not
/// become narrower again, so that they stay where they are.
class TableWriter : public Writer {
public:
    TableWriter(Layout layout, const FlowColumns &columns);

    std::string snapshot(const Page &page) override;

private:
    Layout layout_;
    bool chosen_; ///< the user chose the columns
    std::map<const FlowColumn *, std::size_t> widths_;
};

/// What a table shows by itself, the most telling first; the program's own fields follow.
inline constexpr const char *table_column_names[] = {
    "local", "remote",      "state",     "comm",  "rtt_us",         "cwnd",       "bytes_per_s",   "received_per_s",
    "retr",  "limit",       "limit_pct", "bytes", "bytes_received", "min_rtt_us", "delivery_rate", "notsent",
    "rcvq",  "duration_ms", "pid",       "ca"};

/// The columns of a table where none were asked for; only those that there are.
std::vector<const FlowColumn *> table_columns(const FlowColumns &columns);

} // namespace tcp_stats
