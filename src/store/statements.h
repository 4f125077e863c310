// The statements that write a recording, and how a record's values are put into them.
#pragma once

#include <cstdint>
#include <vector>

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include "record/record_reader.h"
#include "store/database.h"

namespace tcp_stats {

/// Of the tables in tables.sql.
struct Statements {
    /// `details` and `numbers`: the columns of flow_details and of sample_rows, behind those that these have of
    /// themselves.
    Statements(SQLite::Database &database, const std::vector<StoredField> &details,
               const std::vector<StoredField> &numbers);

    SQLite::Statement add_details, add_sample, add_flow, add_snapshot, add_missed, add_absence, end_flow, end_absence,
        add_cgroup;
};

void bind_number(SQLite::Statement &statement, int index, std::uint64_t number);

/// Nothing for 0.
void bind_unless_0(SQLite::Statement &statement, int index, std::int64_t number);

/// The value of a field, in the column of that number; nothing where there is no value.
void bind_value(SQLite::Statement &statement, int index, const StoredField &field, Record record,
                const RecordReader &reader);

/// To its end, and ready to be bound anew.
void execute(SQLite::Statement &statement);

} // namespace tcp_stats
