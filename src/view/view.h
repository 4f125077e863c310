// Which rows of a snapshot are shown, and in what order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "column/columns.h"
#include "condition/filter.h"

namespace tcp_stats {

struct Order {
    const Column *column = nullptr; ///< null: as they are
    bool descending = false;
};

struct View {
    std::vector<Filter> where; ///< all must match
    Order order;
    std::optional<std::uint64_t> top; ///< so many at most; absent: all
};

bool matches(const Row &row, const std::vector<Filter> &where);

/// The rows of `snapshot` that the view wants, in the view's order, which keeps that of equal ones; one without the
/// value comes last, whatever the direction. They refer to `snapshot`.
std::vector<Row> rows_in_view(const Snapshot &snapshot, const View &view);

/// The same of rows that come from more than one snapshot.
std::vector<Row> rows_in_view(std::vector<Row> rows, const View &view);

} // namespace tcp_stats
