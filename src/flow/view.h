// Which flows of a snapshot are shown, or groups of them, and in what order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "flow/columns.h"
#include "flow/filter.h"
#include "flow/groups.h"

namespace tcp_stats {

struct Order {
    const FlowColumn *column = nullptr; ///< null: as the kernel has them
    bool descending = false;
};

struct View {
    std::vector<Filter> where;        ///< all must match
    std::shared_ptr<Groups> groups;   ///< null: the rows are flows
    Order order;                      ///< of the rows, by a column of theirs
    std::optional<std::uint64_t> top; ///< so many rows at most; absent: all
};

/// `snapshot` with what is to be shown as its flows: itself, or with groups in place of the flows that the view wants.
Snapshot rows_of(Snapshot snapshot, const View &view);

/// The rows of `snapshot` that the view wants, in the view's order, which keeps that of equal ones; one without the
/// value comes last, whatever the direction. With groups it must be of `rows_of`.
std::vector<const Flow *> flows_in_view(const Snapshot &snapshot, const View &view);

/// The same of flows that come from more than one snapshot.
std::vector<const Flow *> flows_in_view(std::vector<const Flow *> flows, const View &view);

} // namespace tcp_stats
