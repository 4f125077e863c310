#include "condition/fields_in_use.h"

#include "record/fields.h"

namespace tcp_stats {

std::vector<std::string> unused_fields(const std::set<std::string> &asked_for) {
    std::set<std::string> needed;
    for (const auto &field : known_fields()) {
        if (asked_for.count(field.name) != 0 || asked_for.count(shown_name(field)) != 0) {
            needed.insert(field.name);
            const auto needs = needs_of(field);
            needed.insert(needs.begin(), needs.end());
        }
    }
    needed.insert({"netns", "pid"}); // the monitor's own: which namespaces were walked, whose owner is to be found
    std::vector<std::string> unused;
    for (const auto &field : known_fields()) {
        if (field.source == Source::record && needed.count(field.name) == 0) {
            unused.emplace_back(field.name);
        }
    }
    return unused;
}

} // namespace tcp_stats
