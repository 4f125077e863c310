// What the monitor knows of each field by name: the one table that the reader, the writers and
// docs/fields.md take it from.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tcp_stats {

/// When a stored value says that there is none.
enum class AbsentWhen {
    never,
    zero,
    all_ones, ///< every bit of an unsigned integer is set
};

/// What a number stands for.
enum class Naming {
    none,
    tcp_state, ///< include/net/tcp_states.h
    ca_state,  ///< enum tcp_ca_state
    role,      ///< who opened the connection
    family,    ///< AF_INET, AF_INET6
};

enum class Source {
    record,   ///< a member of the program's flow_stats_t
    derived,  ///< computed by the monitor, from two snapshots or from other fields
    combined, ///< put together from others, for tables and where it is asked for
    internal, ///< a member of flow_stats_t that is for the program and the monitor only
};

/// How the values of a group's flows become one (--group-by).
enum class Grouping {
    by_unit,     ///< see `grouping_of`
    sum,         ///< of amounts and counters
    percentiles, ///< of levels: p50 and p95
    minimum,
    maximum,
    most_frequent,
    agreed, ///< of names: the value that all have
};

struct Field {
    const char *name = ""; ///< in flow_stats_t; of a derived one, in the output
    /// In `line` output, where the script's format has another word; else null.
    const char *in_line = nullptr;
    const char *unit = "";   ///< empty: a number without one, or a word
    const char *kernel = ""; ///< the variable or function of the kernel that it rests on
    const char *since = "";  ///< first Linux that has it; empty: every one the monitor runs on
    const char *meaning = "";
    Source source = Source::record;
    AbsentWhen absent = AbsentWhen::never;
    Naming naming = Naming::none;
    Grouping grouping = Grouping::by_unit;
    /// The counter that this is the rate of, else null.
    const char *rate_of = nullptr;
};

/// All of them, in the order of docs/fields.md.
std::span<const Field> known_fields();

/// The field of that name, or null.
const Field *find_field(std::string_view name);

/// Never by_unit: amounts (bytes, segments, per second too, events, calls, how often a yes) are sums, times and shares
/// percentiles, and what has no unit is a name.
Grouping grouping_of(const Field &field);
Grouping grouping_of_unit(std::string_view unit);

/// What the names of the columns end with that a grouping makes: of a sum `_sum`, of percentiles `_p50` and `_p95`.
std::span<const std::string_view> endings(Grouping grouping);

/// That of these endings which `name` has; empty: none, or it is a field's own name (`acceptq_max`).
std::string_view ending_in_group(std::string_view name);

/// The table of docs/fields.md, in Markdown.
std::string fields_table();

} // namespace tcp_stats
