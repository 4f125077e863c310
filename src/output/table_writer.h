// The `table` format: aligned columns in units for people.
#pragma once

#include <map>

#include "output/writer.h"

namespace tcp_stats {

/// Each snapshot is a line with the time and the number of flows, the headings, a row for each flow (or group), and
/// what was missed. In a terminal the usual columns are as many as fit; columns that were asked for are all shown. They
/// do not become narrower again, so that they stay where they are.
class TableWriter : public Writer {
public:
    TableWriter(Layout layout, const FlowColumns &columns);

    std::string snapshot(const Page &page) override;

private:
    std::string title(const Page &page) const;

    Layout layout_;
    const FlowColumns &columns_;
    bool chosen_; ///< the user chose the columns
    std::map<const FlowColumn *, std::size_t> widths_;
};

/// The names of what a table shows by itself, the most telling first; the program's own fields follow. `grouped`: of
/// the columns of `Groups`, behind the key's.
const std::vector<std::string> &table_column_names(bool grouped);

/// Those columns, as far as there are any.
std::vector<const FlowColumn *> table_columns(const FlowColumns &columns, bool grouped);

} // namespace tcp_stats
