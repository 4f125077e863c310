#include "flow/view.h"

#include <algorithm>

namespace tcp_stats {

std::vector<const Flow *> flows_in_view(const Snapshot &snapshot, const View &view) {
    const auto &flows = snapshot.flows;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < flows.size(); ++i) {
        if (std::all_of(view.where.begin(), view.where.end(),
                        [&](const Filter &filter) { return filter.matches(flows[i]); })) {
            places.push_back(i);
        }
    }
    if (view.order.column != nullptr) {
        std::vector<Value> keys;
        keys.reserve(flows.size());
        for (const auto &flow : flows) {
            keys.push_back(view.order.column->value(flow));
        }
        std::stable_sort(places.begin(), places.end(), [&](std::size_t one, std::size_t other) {
            const bool has = keys[one].index() != 0;
            const bool other_has = keys[other].index() != 0;
            if (!has || !other_has) {
                return has && !other_has;
            }
            const int order = compare(keys[one], keys[other]);
            return view.order.descending ? order > 0 : order < 0;
        });
    }
    if (view.top) {
        places.resize(std::min<std::size_t>(places.size(), *view.top));
    }
    std::vector<const Flow *> shown;
    shown.reserve(places.size());
    for (const auto place : places) {
        shown.push_back(&flows[place]);
    }
    return shown;
}

} // namespace tcp_stats
