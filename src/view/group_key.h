// What flows are grouped by: a field, or the networks that an address is in.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "column/columns.h"

namespace tcp_stats {

/// Of --group-by or --metrics-by.
struct GroupKey {
    struct PrefixLengths {
        unsigned ipv4;
        unsigned ipv6;
    };

    const char *option; ///< that it was given with
    std::string field;
    std::optional<PrefixLengths> networks = {}; ///< absent: each value is a group
    std::string written = {};                   ///< all of it, by the user
};

/// `FIELD`, `FIELD/BITS` with 64 bits of IPv6 addresses, or `FIELD/BITS/BITS` with those of IPv4 and of IPv6. Error:
/// usage.
Result<GroupKey> parse_group_key(const char *option, const std::string &text);

/// Gives the key of each flow. IPv4 addresses in IPv6 sockets are the IPv4 addresses.
class KeyColumn {
public:
    /// `columns` must outlive the result. Errors: usage, for a key that there is not, that measures something (fields
    /// of the user's own may), a network of what is no address.
    static Result<KeyColumn> create(const GroupKey &key, const Columns &columns);

    const Column &column() const { return *column_; }
    bool is_network() const { return networks_.has_value(); }

    /// With all that the key leaves open: `daddr/24/64`.
    const std::string &name() const { return name_; }

    Value of(RowValues &values) const;

private:
    KeyColumn() = default;

    std::string name_;
    const Column *column_ = nullptr;
    std::optional<GroupKey::PrefixLengths> networks_;
};

/// As groups take a value: IPv4 addresses as such, however the socket has them.
Value in_plain_form(Value value);

/// How groups put the values of a column together.
Grouping grouping_of(const Column &column);

} // namespace tcp_stats
