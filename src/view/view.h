// Which flows of a snapshot are shown, or groups of them, and in what order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "column/columns.h"
#include "condition/filter.h"
#include "view/groups.h"

namespace tcp_stats {

struct Order {
    const FlowColumn *column = nullptr; ///< null: as the kernel has them
    bool descending = false;
};

struct View {
    std::vector<Filter> where; ///< all must match
    Order order;
    std::optional<std::uint64_t> top; ///< so many at most; absent: all
};

/// Groups of the flows that match all of `where`.
struct GroupedFlows {
    std::vector<Filter> where;
    Groups groups;

    /// `snapshot` with groups in place of its flows: rows for a View of the groups' columns.
    Snapshot in_place_of_flows(Snapshot snapshot);
};

/// The flows of `snapshot` that the view wants, in the view's order, which keeps that of equal ones; one without the
/// value comes last, whatever the direction.
std::vector<const Flow *> flows_in_view(const Snapshot &snapshot, const View &view);

/// The same of flows that come from more than one snapshot.
std::vector<const Flow *> flows_in_view(std::vector<const Flow *> flows, const View &view);

} // namespace tcp_stats
