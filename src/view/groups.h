// Groups of flows: a row for each value of a key, with what the flows that have it come to together.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "column/columns.h"

namespace tcp_stats {

/// Of --group-by: a field, or the networks that an address field is in.
struct GroupKey {
    struct Network {
        unsigned ipv4_bits;
        unsigned ipv6_bits;
    };

    std::string field;
    std::optional<Network> network; ///< absent: each value is a group
};

/// `FIELD`, `FIELD/BITS` with 64 bits of IPv6 addresses, or `FIELD/BITS/BITS` with those of IPv4 and of IPv6. Error:
/// usage.
Result<GroupKey> parse_group_key(const std::string &text);

/// Makes groups of flows, snapshot after snapshot.
///
/// A group is a `Flow` of no socket, whose `derived` has its values, in the order of `columns`: the key; `flows`, open
/// ones; `closed`, those that ended since the snapshot before; then for each field of the flows, of both kinds, what
/// its `Grouping` says: `bytes_sum`, `rtt_us_p50`, `rtt_us_p95`, `comm` where all agree. Flows without the value are
/// passed over, but not by an agreement; where none has it there is none. A percentile is the nearest rank: the least
/// value that so many percent of them do not exceed. IPv4 addresses in IPv6 sockets are the IPv4 addresses.
class Groups {
public:
    /// `flow_columns` must outlive the result. Errors: usage, for a key that there is not, that measures something
    /// (fields of the user's own may), a network of what is no address, a field with the name of another column.
    static Result<Groups> create(const GroupKey &key, const FlowColumns &flow_columns);

    const FlowColumns &columns() const { return columns_; }
    const FlowColumn *key_column() const { return &columns_.all().front(); }

    /// The key with all that it leaves open: `daddr/24/64`.
    const std::string &key() const { return key_; }

    /// Those with most open flows first, equal ones by their numbers. A group keeps its number (`id`) while it is in
    /// one snapshot after the other; flows without the key's field are a group of their own.
    std::vector<Flow> of(const std::vector<Flow> &flows);

private:
    using ValueOf = std::function<Value(const Flow &)>;

    /// A field of the flows, and how their values are put together.
    struct Part {
        ValueOf value;
        Grouping grouping;
    };

    Groups() : columns_(std::vector<FlowColumn>()) {}

    Flow row(std::uint64_t number, const Value &key, const std::vector<const Flow *> &flows) const;

    std::string key_;
    ValueOf key_of_;
    std::vector<Part> parts_;
    FlowColumns columns_;
    std::map<Value, std::uint64_t> numbers_; ///< of the groups of the snapshot before
    std::uint64_t last_number_ = 0;
};

} // namespace tcp_stats
