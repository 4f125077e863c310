// The `table` format: aligned columns in units for people.
#pragma once

#include "output/writer.h"

namespace tcp_stats {

/// Each snapshot is a line with the time and the number of flows, the headings, a row for each flow (or group), and
/// what was missed. In a terminal the usual columns are as many as fit; columns that were asked for are all shown. They
/// do not become narrower again, so that they stay where they are. How flows ended, and how long they have been in a
/// state that is to pass, is shown of itself as soon as there is something to say.
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
        bool hidden = false;
    };

    std::string title(const Snapshot &snapshot, std::size_t shown) const;
    void measure(const std::vector<Row> &rows);
    std::vector<const Shown *> columns_that_fit() const;
    void write_row(const Row &row, const std::vector<const Shown *> &columns, Sink &sink);

    Layout layout_;
    bool chosen_; ///< the user chose the columns
    std::vector<Shown> columns_;
    const Column *state_ = nullptr; ///< of the flows; null: none
    std::string memory_;            ///< of the cell that is made
};

/// The names of what a table shows by itself, the most telling first; the program's own fields follow. `grouped`: of
/// the columns of `Groups`, behind the key's.
const std::vector<std::string> &table_column_names(bool grouped);

/// Those columns, as far as there are any.
std::vector<const Column *> table_columns(const Columns &columns, bool grouped);

} // namespace tcp_stats
