// The units of fields, and those that users write numbers in.
#pragma once

#include <optional>
#include <string_view>

namespace tcp_stats {

/// What a unit measures.
enum class Dimension : char {
    none, ///< a number without a unit, which may be a name itself: a port, a pid, an inode
    time,
    bytes,
    share,
    count,
    truth, ///< 0 or 1
};

struct Unit {
    Dimension dimension = Dimension::none;
    double worth = 1; ///< one of it, in µs, in bytes, in percent, in ones
    bool per_second = false;
};

/// That of a field, by its name; empty: none. A user's own is a count, of bytes where it begins with `bytes`, one per
/// second where it ends with `/s`.
Unit unit_of(std::string_view name);

/// Whether values in it are levels, of which a sum says nothing: times and shares.
bool is_level(const Unit &unit);

/// The unit of a number as users write it: 20ms, 1.5MB, 10Mbit/s, 5%, 3k; nothing where there is none of that name.
std::optional<Unit> written_unit(std::string_view name);

/// Those names, for people.
inline constexpr const char *written_units = "ns us ms s m h, B kB MB GB TB KiB MiB GiB, bit kbit Mbit Gbit, %, k M G";

} // namespace tcp_stats
