#include "view/view.h"

#include <algorithm>
#include <utility>

namespace tcp_stats {
namespace {

/// A row with what it is ordered by. The row is a place in the list of rows, for its size.
struct Keyed {
    Value key;
    std::uint32_t place;
};

void put_in_order(std::vector<Row> &rows, const Order &order, std::size_t top) {
    std::vector<Keyed> keyed;
    keyed.reserve(rows.size());
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
        keyed.push_back({value(*order.column, rows[i]), i});
    }
    const auto before = [descending = order.descending](const Keyed &one, const Keyed &other) {
        const bool has = !is_absent(one.key);
        if (has != !is_absent(other.key)) {
            return has;
        }
        const int difference = compare(one.key, other.key);
        return difference == 0 ? one.place < other.place : (difference < 0) != descending;
    };
    const auto end = keyed.begin() + static_cast<std::ptrdiff_t>(top);
    if (end == keyed.end()) {
        std::sort(keyed.begin(), keyed.end(), before);
    } else {
        std::partial_sort(keyed.begin(), end, keyed.end(), before);
    }
    std::vector<Row> ordered;
    ordered.reserve(top);
    std::transform(keyed.begin(), end, std::back_inserter(ordered), [&](const Keyed &one) { return rows[one.place]; });
    rows = std::move(ordered);
}

} // namespace

bool matches(const Row &row, const std::vector<Filter> &where) {
    RowValues values(row);
    return std::all_of(where.begin(), where.end(), [&](const Filter &filter) { return filter.matches(values); });
}

std::vector<Row> rows_in_view(const Snapshot &snapshot, const View &view) {
    std::vector<Row> rows;
    rows.reserve(snapshot.rows());
    for (std::size_t i = 0; i < snapshot.rows(); ++i) {
        rows.push_back({&snapshot, i});
    }
    return rows_in_view(std::move(rows), view);
}

std::vector<Row> rows_in_view(std::vector<Row> rows, const View &view) {
    if (!view.where.empty()) {
        std::erase_if(rows, [&](const Row &row) { return !matches(row, view.where); });
    }
    const auto top = view.top ? std::min<std::size_t>(rows.size(), *view.top) : rows.size();
    if (view.order.column != nullptr) {
        put_in_order(rows, view.order, top);
    } else {
        rows.resize(top);
    }
    return rows;
}

} // namespace tcp_stats
