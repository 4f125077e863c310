// Columns: every field of a flow by the name that users call it, wherever its value comes from.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/choices.h"
#include "base/error.h"
#include "record/fields.h"
#include "record/record_reader.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

/// Of what kind the values of a column are, where there are any.
enum class ColumnType { number, text, address };

struct FlowColumn {
    std::string name;   ///< `shown_name` of a known field, else the program's
    const Field *field; ///< null: the program's own
    std::string unit;   ///< empty: a number without one, or a word
    ColumnType type;
    bool in_line_part; ///< has its place in the part of a line that the script's format sets
    std::function<Value(const Flow &)> value;
    std::string of = {}; ///< in groups: the column of the flows that this is a sum or the like of
};

/// What users call a known field: the word of the `line` format where that is a word (`bytes`), else its name.
std::string shown_name(const Field &field);

/// Whether its values are addresses.
bool is_address(const Field &field);

/// The columns that the flows of one program have.
class FlowColumns {
public:
    /// `reader` must outlive the result; `fields` are members of its record.
    explicit FlowColumns(const RecordReader &reader, const std::vector<UserField> &fields = {});

    /// Those that the built-in program can have, on this kernel or another, and `fields`: to tell before it is compiled
    /// whether names and values make sense. Their flows have no values.
    static FlowColumns expected(const std::vector<UserField> &fields);
    /// Of rows that are something else: groups.
    explicit FlowColumns(std::vector<FlowColumn> columns) : columns_(std::move(columns)) {}

    const std::vector<FlowColumn> &all() const { return columns_; }

    /// By the name that users call it, by that in the record, or (the first one) by what it is `of`; null where there
    /// is none.
    const FlowColumn *find(std::string_view name) const;

    /// The same for a name given with `option`. Error: usage, with what to do instead.
    Result<const FlowColumn *> require(const char *option, const std::string &name) const;

    /// All that are meant: in groups a field's own name stands for each of its columns.
    Result<std::vector<const FlowColumn *>> require_all(const char *option, const std::string &name) const;

private:
    FlowColumns() = default;

    std::vector<FlowColumn> columns_;
};

/// Less than 0, 0 or more: numbers by size, texts by bytes, addresses by family and bits. Absent values equal
/// each other and are less than all others.
int compare(const Value &one, const Value &other);

/// The table of --list-fields.
std::string field_list();

} // namespace tcp_stats
