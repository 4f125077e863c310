// Flows of a program that has every known field, for targets that need columns to look at.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "column/columns.h"

namespace fuzz {

class SampleColumns {
public:
    SampleColumns();
    SampleColumns(const SampleColumns &) = delete;
    SampleColumns &operator=(const SampleColumns &) = delete;

    const tcp_stats::Columns &columns() const { return *columns_; }
    const std::vector<tcp_stats::Row> &flows() const { return rows_; }

private:
    std::optional<tcp_stats::RecordReader> reader_;
    std::optional<tcp_stats::Columns> columns_;
    tcp_stats::Snapshot snapshot_;
    std::vector<tcp_stats::Row> rows_; ///< of snapshot_
};

} // namespace fuzz
