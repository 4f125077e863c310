#include "record/units.h"

#include <algorithm>
#include <array>

namespace tcp_stats {
namespace {

using D = Dimension;

struct Named {
    std::string_view name;
    Unit unit;
};

constexpr auto field_units = std::to_array<Named>({
    {"us", {D::time, 1}},
    {"us * 8", {D::time, 1.0 / 8}},
    {"ms", {D::time, 1e3}},
    {"ns", {D::time, 1e-3}},
    {"%", {D::share, 1}},
    {"0 or 1", {D::truth, 1}},
});

constexpr auto users_units = std::to_array<Named>({
    {"ns", {D::time, 1e-3}},       {"us", {D::time, 1}},          {"ms", {D::time, 1e3}},
    {"s", {D::time, 1e6}},         {"m", {D::time, 60e6}},        {"h", {D::time, 3600e6}},
    {"B", {D::bytes, 1}},          {"kB", {D::bytes, 1e3}},       {"MB", {D::bytes, 1e6}},
    {"GB", {D::bytes, 1e9}},       {"TB", {D::bytes, 1e12}},      {"KiB", {D::bytes, 1024}},
    {"MiB", {D::bytes, 0x1p20}},   {"GiB", {D::bytes, 0x1p30}},   {"bit", {D::bytes, 1.0 / 8}},
    {"kbit", {D::bytes, 1e3 / 8}}, {"Mbit", {D::bytes, 1e6 / 8}}, {"Gbit", {D::bytes, 1e9 / 8}},
    {"%", {D::share, 1}},          {"k", {D::count, 1e3}},        {"M", {D::count, 1e6}},
    {"G", {D::count, 1e9}},
});

template <typename Units> std::optional<Unit> find(const Units &units, std::string_view name) {
    const auto found = std::find_if(units.begin(), units.end(), [&](const Named &unit) { return unit.name == name; });
    return found == units.end() ? std::nullopt : std::optional(found->unit);
}

} // namespace

Unit unit_of(std::string_view name) {
    if (const auto known = find(field_units, name)) {
        return *known;
    }
    return {name.empty() ? D::none : name.starts_with("bytes") ? D::bytes : D::count, 1, name.ends_with("/s")};
}

bool is_level(const Unit &unit) { return unit.dimension == D::time || unit.dimension == D::share; }

std::optional<Unit> written_unit(std::string_view name) {
    return find(users_units, name.substr(0, name.size() - (name.ends_with("/s") ? 2 : 0)));
}

} // namespace tcp_stats
