// A column: one field of the rows, as data; and the value that it has in a row.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "record/record_reader.h"
#include "snapshot/limit.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

/// The path of a cgroup by its id, empty where it cannot be told. What it refers to stays.
using CgroupPath = std::function<const std::string &(std::uint64_t)>;

/// What the values of a program's flows are taken from.
struct ColumnContext {
    const RecordReader &reader;
    CgroupPath cgroup_path;
};

struct Column {
    enum class Origin : std::uint8_t {
        none,     ///< it has no values
        member,   ///< of the record
        end,      ///< of the connection
        computed, ///< by the field's `Source`
        cell,     ///< of a group
    };

    std::string name;           ///< `shown_name` of a known field, else the program's
    const Field *field;         ///< null: the program's own
    std::string unit_name = {}; ///< empty: a number without one, or a word
    FieldType type = FieldType::number;
    bool in_line_part = false; ///< has its place in the part of a line that the script's format sets
    bool usual = true;         ///< formats show it by themselves
    std::string of = {};       ///< in groups: the column of the flows that this is a sum or the like of

    Origin origin = Origin::none;
    Place place = {};                                  ///< of a member, or of the counter that it is the rate of
    std::size_t cell = 0;                              ///< which of a group's
    Unit unit = {};                                    ///< that of `unit_name`
    std::shared_ptr<const ColumnContext> context = {}; ///< of flows
};

/// The values of one row. What several columns are made of is computed once.
class RowValues {
public:
    explicit RowValues(const Row &row);

    const Row &row() const { return row_; }

    Value operator[](const Column &column) {
        return column.origin == Column::Origin::member ? RecordReader::value(record_, column.place, column.field)
                                                       : of_another_origin(column);
    }

private:
    Value of_another_origin(const Column &column);
    Value end(const Column &column) const;
    Value computed(const Column &column);
    Value rate(const Column &column) const;
    Value ms_since(const Place &began, const KnownPlaces &places) const;
    double elapsed_s(const KnownPlaces &places) const;
    const std::optional<LimitShares> &shares(const KnownPlaces &places);

    Row row_;
    Record record_;
    Record before_; ///< empty: none
    bool has_shares_ = false;
    std::optional<LimitShares> shares_;
};

inline Value value(const Column &column, const Row &row) { return RowValues(row)[column]; }

} // namespace tcp_stats
