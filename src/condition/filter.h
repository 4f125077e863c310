// Which flows are shown: a condition, with its names and values understood.
#pragma once

#include <functional>
#include <string>

#include "column/columns.h"
#include "condition/condition.h"

namespace tcp_stats {

/// Numbers may have a unit: a time (ns us ms s m h), bytes (B kB MB GB TB, KiB MiB GiB), bits for rates (bit kbit Mbit
/// Gbit), %, or k M G; without one they are in the field's own (--list-fields). An address is compared with an address
/// or a network (10.0.0.0/8, 2001:db8::/32); an IPv4 one in an IPv6 socket (::ffff:10.0.0.1) is the IPv4 address.
/// Names of states may be in small letters. A comparison with a value that a flow does not have is false.
class Filter {
public:
    /// `text` is what `condition` was made of. Error: usage, with the text and a caret, for a field that there is not
    /// or a value that it cannot have. `columns` must outlive the result.
    static Result<Filter> create(const ConditionText &text, const Condition &condition, const Columns &columns);

    bool matches(const Row &row) const {
        RowValues values(row);
        return test_(values);
    }
    bool matches(RowValues &values) const { return test_(values); }

private:
    using Test = std::function<bool(RowValues &)>;

    explicit Filter(Test test) : test_(std::move(test)) {}

    Test test_;
};

} // namespace tcp_stats
