// The `table` format: aligned columns in units for people.
#pragma once

#include "output/writer.h"

namespace tcp_stats {

/// Each snapshot is a line with the time and the number of flows, the headings, a row for each flow (or group), and
/// what was missed. In a terminal the usual columns are as many as fit; columns that were asked for are all shown. They
/// do not become narrower again, so that they stay where they are.
class TableWriter : public Writer {
public:
    TableWriter(Layout layout, const Columns &columns);

    void write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) override;

private:
    struct Shown {
        const Column *column;
        std::string heading;
        std::size_t enough; ///< the width that no number exceeds
        std::size_t width;  ///< in characters, so far
        bool right = false; ///< it has numbers, which stand on the right
    };

    std::string title(const Snapshot &snapshot, std::size_t shown) const;
    void measure(const std::vector<Row> &rows);
    std::size_t columns_that_fit() const;
    void write_headings(std::size_t count, Sink &sink) const;
    void write_row(const Row &row, std::size_t count, Sink &sink);

    Layout layout_;
    bool chosen_; ///< the user chose the columns
    std::vector<Shown> columns_;
    std::string memory_; ///< of the cell that is made
};

/// The names of what a table shows by itself, the most telling first; the program's own fields follow. `grouped`: of
/// the columns of `Groups`, behind the key's.
const std::vector<std::string> &table_column_names(bool grouped);

/// Those columns, as far as there are any.
std::vector<const Column *> table_columns(const Columns &columns, bool grouped);

} // namespace tcp_stats
