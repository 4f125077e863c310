// Columns: every field of a flow by the name that users call it, wherever its value comes from.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/choices.h"
#include "base/error.h"
#include "column/column.h"

namespace tcp_stats {

/// The columns that the rows of one program have.
class Columns {
public:
    /// Of its flows. `reader` must outlive the result; `fields` are members of its record.
    Columns(const RecordReader &reader, CgroupPath cgroup_path, const std::vector<UserField> &fields = {});

    /// Those that the built-in program can have, on this kernel or another, and `fields`: to tell before it is compiled
    /// whether names and values make sense. Their flows have no values.
    static Columns expected(const std::vector<UserField> &fields);

    /// Of rows that are something else: groups.
    explicit Columns(std::vector<Column> columns) : columns_(std::move(columns)) {}

    const std::vector<Column> &all() const { return columns_; }

    /// By the name that users call it, by that in the record, or (the first one) by what it is `of`; null where there
    /// is none.
    const Column *find(std::string_view name) const;

    /// The same for a name given with `option`. Error: usage, with what to do instead.
    Result<const Column *> require(const char *option, const std::string &name) const;

    /// All that are meant: in groups a field's own name stands for each of its columns.
    Result<std::vector<const Column *>> require_all(const char *option, const std::string &name) const;

private:
    Columns() = default;

    std::vector<Column> columns_;
};

} // namespace tcp_stats
