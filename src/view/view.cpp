#include "view/view.h"

#include <algorithm>
#include <utility>

namespace tcp_stats {
namespace {

bool matches(const Flow &flow, const std::vector<Filter> &where) {
    return std::all_of(where.begin(), where.end(), [&](const Filter &filter) { return filter.matches(flow); });
}

} // namespace

Snapshot GroupedFlows::in_place_of_flows(Snapshot snapshot) {
    std::erase_if(snapshot.flows, [&](const Flow &flow) { return !matches(flow, where); });
    snapshot.flows = groups.of(snapshot.flows);
    return snapshot;
}

std::vector<const Flow *> flows_in_view(const Snapshot &snapshot, const View &view) {
    std::vector<const Flow *> flows;
    flows.reserve(snapshot.flows.size());
    for (const auto &flow : snapshot.flows) {
        flows.push_back(&flow);
    }
    return flows_in_view(std::move(flows), view);
}

std::vector<const Flow *> flows_in_view(std::vector<const Flow *> flows, const View &view) {
    std::erase_if(flows, [&](const Flow *flow) { return !matches(*flow, view.where); });
    if (view.order.column != nullptr) {
        struct Keyed {
            Value key;
            const Flow *flow;
        };
        std::vector<Keyed> keyed;
        keyed.reserve(flows.size());
        for (const auto *flow : flows) {
            keyed.push_back({view.order.column->value(*flow), flow});
        }
        std::stable_sort(keyed.begin(), keyed.end(), [&](const Keyed &one, const Keyed &other) {
            const bool has = one.key.index() != 0;
            const bool other_has = other.key.index() != 0;
            if (!has || !other_has) {
                return has && !other_has;
            }
            const int order = compare(one.key, other.key);
            return view.order.descending ? order > 0 : order < 0;
        });
        std::transform(keyed.begin(), keyed.end(), flows.begin(), [](const Keyed &one) { return one.flow; });
    }
    if (view.top) {
        flows.resize(std::min<std::size_t>(flows.size(), *view.top));
    }
    return flows;
}

} // namespace tcp_stats
