#include "store/statements.h"

#include <string>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "base/printable.h"

namespace tcp_stats {
namespace {

std::string insert_into(const std::string &table, const std::vector<std::string> &columns) {
    std::string names;
    std::string places;
    for (const auto &column : columns) {
        names += (names.empty() ? "" : ", ") + quoted(column);
        places += places.empty() ? "?" : ", ?";
    }
    return fmt::format("INSERT INTO {} ({}) VALUES ({})", table, names, places);
}

std::vector<std::string> columns_of(std::vector<std::string> own, const std::vector<StoredField> &fields) {
    for (const auto &field : fields) {
        own.push_back(field.column);
    }
    return own;
}

} // namespace

Statements::Statements(SQLite::Database &database, const std::vector<StoredField> &details,
                       const std::vector<StoredField> &numbers)
    : add_details(database, insert_into("flow_details", columns_of({"id", "flow"}, details))),
      add_sample(database,
                 insert_into("sample_rows",
                             columns_of({"id", "flow", "details", "before", "offset_ns", "elapsed_ns"}, numbers))),
      add_flow(database, "INSERT INTO flow_rows (id, run, details, opened, closed, closed_in, last_record) "
                         "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET details = excluded.details, "
                         "opened = coalesce(opened, excluded.opened), closed = excluded.closed, "
                         "closed_in = excluded.closed_in, last_record = excluded.last_record"),
      add_snapshot(database, "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      add_missed(database, "INSERT INTO missed VALUES (?, ?, ?)"),
      add_absence(database, "INSERT INTO absences VALUES (?, ?, NULL)"),
      end_flow(database, "UPDATE flow_rows SET last_record = ? WHERE id = ?"),
      end_absence(database, "UPDATE absences SET until = ? WHERE flow = ? AND until IS NULL"),
      add_cgroup(database, "INSERT OR REPLACE INTO cgroups VALUES (?, ?, ?)") {}

void bind_number(SQLite::Statement &statement, int index, std::uint64_t number) {
    statement.bind(index, static_cast<std::int64_t>(number));
}

void bind_unless_0(SQLite::Statement &statement, int index, std::int64_t number) {
    if (number == 0) {
        statement.bind(index);
    } else {
        statement.bind(index, number);
    }
}

void execute(SQLite::Statement &statement) {
    statement.exec();
    statement.reset();
}

void bind_value(SQLite::Statement &statement, int index, const StoredField &field, Record record,
                const RecordReader &reader) {
    if (field.field != nullptr && field.field->end != End::none) {
        switch (field.field->end) {
        case End::local_address:
            return statement.bind(index, fmt::format("{}", reader.local(record).address));
        case End::remote_address:
            return statement.bind(index, fmt::format("{}", reader.remote(record).address));
        case End::local_port:
            return statement.bind(index, int(reader.local(record).port));
        case End::remote_port:
            return statement.bind(index, int(reader.remote(record).port));
        default:
            return bind_number(statement, index, RecordReader::number(record, field.place)); // the family
        }
    }
    const auto value = RecordReader::value(record, field.place, field.field);
    if (const auto *number = std::get_if<std::uint64_t>(&value)) {
        bind_number(statement, index, *number);
    } else if (const auto *negative = std::get_if<std::int64_t>(&value)) {
        statement.bind(index, *negative);
    } else if (const auto *word = std::get_if<Word>(&value)) {
        bind_number(statement, index, word->number);
    } else if (const auto *text = std::get_if<std::string_view>(&value)) {
        statement.bind(index, printable_ascii(*text));
    } else if (const auto *bytes = std::get_if<RawBytes>(&value)) {
        statement.bind(index, to_string(*bytes));
    } else {
        statement.bind(index);
    }
}

} // namespace tcp_stats
