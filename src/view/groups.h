// Groups of flows: a row for each value of a key, with what the flows that have it come to together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "column/columns.h"
#include "condition/filter.h"
#include "view/group_key.h"

namespace tcp_stats {

/// Makes groups of flows, snapshot after snapshot.
///
/// The values of a group, in the order of `columns`, are the key; `flows`, open ones; `closed`, those that ended since
/// the snapshot before; `failed`, those of them that ended with an error, where the program tells; then for each field
/// of the flows, of both kinds, what its `Grouping` says: `bytes_sum`, `rtt_us_p50`, `rtt_us_p95`, `comm` where all
/// agree. Flows without the value are passed over, but not by an agreement; where none has it there is none. A
/// percentile is the nearest rank: the least value that so many percent of them do not exceed. IPv4 addresses in IPv6
/// sockets are the IPv4 addresses.
class Groups {
public:
    /// The columns that are the same for all groups, by their place.
    enum FirstColumns : std::uint8_t { key_column, flows_column, closed_column };

    /// `flow_columns` must outlive the result. Errors: usage, for a key that there is not, that measures something
    /// (fields of the user's own may), a network of what is no address, a field with the name of another column.
    static Result<Groups> create(const GroupKey &key, const Columns &flow_columns);

    const Columns &columns() const { return columns_; }

    /// The key with all that it leaves open: `daddr/24/64`.
    const std::string &key() const { return key_.name(); }

    /// Gives `snapshot` groups of its flows that match all of `where`: those with most open flows first, equal ones by
    /// their numbers. A group keeps its number (`id`) while it is in one snapshot after the other; flows without the
    /// key's field are a group of their own.
    void add_to(Snapshot &snapshot, const std::vector<Filter> &where = {});

private:
    /// A column of the flows, and how their values are put together.
    struct Part {
        const Column *column;
        Grouping grouping;
    };

    /// A flow by its place in the snapshot, and the key that it has.
    struct Keyed {
        Value key;
        std::size_t flow;
    };

    /// The groups of the snapshot before. Their keys refer to its records.
    struct Numbered {
        std::shared_ptr<const Records> live, closed;
        std::vector<std::pair<Value, std::uint64_t>> numbers; ///< in the order of the keys
    };

    explicit Groups(KeyColumn key) : key_(std::move(key)), columns_(std::vector<Column>()) {}

    void append_cells(const Snapshot &snapshot, const Keyed *first, const Keyed *last, std::vector<Value> &cells) const;
    std::uint64_t number_of(const Value &key);

    KeyColumn key_;
    const Column *error_ = nullptr; ///< of the flows; null: the program does not tell errors
    std::vector<Part> parts_;
    Columns columns_;
    Numbered before_;
    std::uint64_t last_number_ = 0;
};

} // namespace tcp_stats
