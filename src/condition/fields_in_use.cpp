#include "condition/fields_in_use.h"

#include "column/columns.h"
#include "record/fields.h"

namespace tcp_stats {
namespace {

/// The members that a derived field is made of.
std::set<std::string> origins_of(const Field &field) {
    if (field.rate_of != nullptr) {
        return {field.rate_of};
    }
    const std::string name = field.name;
    if (name == "cgroup_path") {
        return {"cgroup"};
    }
    if (name == "limit" || name.ends_with("_pct")) {
        return {"busy_us",      "rwnd_limited_us", "sndbuf_limited_us", "recovery_us",
                "cwnd_limited", "sndbuf_full",     "notsent",           "mss",
                "bytes_sent"};
    }
    return {};
}

} // namespace

std::vector<std::string> unused_fields(const std::set<std::string> &asked_for) {
    std::set<std::string> needed;
    for (const auto &field : known_fields()) {
        if (asked_for.count(field.name) != 0 || asked_for.count(shown_name(field)) != 0) {
            needed.insert(field.name);
            needed.merge(origins_of(field));
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
