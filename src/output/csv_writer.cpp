#include "output/csv_writer.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "output/time_text.h"
#include "output/utf8.h"
#include "output/value_text.h"

namespace tcp_stats {
namespace {

constexpr std::string_view line_end = "\r\n";

bool is_plain_cell(std::string_view text) { return is_plain_ascii(text) && text.find_first_of("\",") == text.npos; }

/// UTF-8, in quotation marks where it must be.
std::string cell(std::string_view text) {
    auto readable = printable(valid_utf8(text));
    if (readable.find_first_of("\",") == std::string::npos) {
        return readable;
    }
    std::string quoted = "\"";
    for (const char c : readable) {
        quoted.append(c == '"' ? 2 : 1, c);
    }
    return quoted + '"';
}

constexpr ValueText in_csv = {is_plain_cell, cell};

} // namespace

CsvWriter::CsvWriter(Layout layout, const Columns &columns)
    : columns_(layout.columns.empty() ? usual_columns(columns) : std::move(layout.columns)),
      pointers_(layout.pointers) {}

void CsvWriter::begin(Sink &sink) {
    sink.put(pointers_ ? "time,monotonic_ns,id,sock" : "time,monotonic_ns,id");
    for (const auto *column : columns_) {
        sink.put(',');
        sink.put(cell(column->name));
    }
    sink.put(line_end);
}

void CsvWriter::write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) {
    const auto time = fmt::format("{},{},", utc(snapshot.time), snapshot.time_ns);
    for (const auto &row : rows) {
        sink.put(time);
        sink.print(FMT_COMPILE("{}"), row.id());
        if (pointers_) {
            sink.print(FMT_COMPILE(",{:#x}"), row.sock());
        }
        RowValues values(row);
        for (const auto *column : columns_) {
            sink.put(',');
            put_value(sink, values[*column], in_csv);
        }
        sink.put(line_end);
    }
}

} // namespace tcp_stats
