// What the monitor knows of each field by name: the one table that the reader, the writers and
// docs/fields.md take it from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "record/units.h"
#include "record/value.h"

namespace tcp_stats {

/// When a stored value says that there is none.
enum class AbsentWhen : std::uint8_t {
    never,
    zero,
    all_ones, ///< every bit of an unsigned integer is set
};

/// What its values are.
enum class FieldType : std::uint8_t {
    number,
    port, ///< a number from 0 to 65535
    word, ///< a number that stands for one (`Field::naming`)
    text,
    process_name, ///< text of TASK_COMM_LEN - 1 bytes at most
    path,
    address,
    endpoint, ///< an address and a port
    bytes,
};

/// Where its values come from.
enum class Source : std::uint8_t {
    record,     ///< a member of the program's flow_stats_t
    combined,   ///< put together from others, for tables and where it is asked for
    internal,   ///< a member of flow_stats_t that is for the program and the monitor only
    rate,       ///< the rest is computed by the monitor; of `Field::rate_of`, from two snapshots
    limit,      ///< what limited the sender most, from two snapshots
    most_share, ///< the share of that
    share,      ///< the share of `Field::limit`
    duration,
    state_time, ///< in the present state, or the one before the close
    cgroup_path,
};

/// Of the connection's ends.
enum class End : std::uint8_t {
    none,
    local_address,
    local_port,
    remote_address,
    remote_port,
    family,
    local,
    remote,
};

/// How the values of a group's flows become one (--group-by).
enum class Grouping : std::uint8_t {
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
    FieldType type = FieldType::number; ///< see `type_of`
    End end = End::none;
    Limit limit = Limit::app;
    bool identity = false; ///< a member of the program's flow_identity_t, by which the kernel can choose
    /// The counter that this is the rate of, else null.
    const char *rate_of = nullptr;
};

/// Words are those that have a naming.
constexpr FieldType type_of(const Field &field) { return field.naming == Naming::none ? field.type : FieldType::word; }

constexpr bool is_number(FieldType type) { return type == FieldType::number || type == FieldType::port; }

/// Whether it is computed by the monitor.
constexpr bool is_derived(const Field &field) { return field.source >= Source::rate; }

/// All of them, in the order of docs/fields.md.
std::span<const Field> known_fields();

/// The field of that name, or null.
const Field *find_field(std::string_view name);

/// What users call it: the word of the `line` format where that is a word (`bytes`), else its name.
std::string shown_name(const Field &field);

/// Whether users call a field that.
bool is_shown_name(std::string_view name);

/// The members of the record that a value of it is made of, but for itself.
std::span<const char *const> needs_of(const Field &field);

/// Never by_unit: amounts (bytes, segments, per second too, events, calls, how often a yes) are sums, times and shares
/// percentiles, and what has no unit is a name.
Grouping grouping_of(const Field &field);
Grouping grouping_of(const Unit &unit);

/// What the names of the columns end with that a grouping makes: of a sum `_sum`, of percentiles `_p50` and `_p95`.
std::span<const std::string_view> endings(Grouping grouping);

/// That of these endings which `name` has; empty: none, or it is a field's own name (`acceptq_max`).
std::string_view ending_in_group(std::string_view name);

} // namespace tcp_stats
