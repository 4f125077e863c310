#include "output/csv_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "output/time_text.h"
#include "output/utf8.h"

namespace tcp_stats {
namespace {

constexpr std::string_view line_end = "\r\n";

/// In quotation marks where it must be.
void put_cell(Sink &sink, std::string_view text) {
    if (text.find_first_of("\",") == text.npos) {
        sink.put(text);
        return;
    }
    sink.put('"');
    for (const char c : text) {
        if (c == '"') {
            sink.put('"');
        }
        sink.put(c);
    }
    sink.put('"');
}

struct PutCell {
    Sink &sink;

    void operator()(std::monostate /*absent*/) const {}
    void operator()(std::uint64_t number) const { sink.put(number); }
    void operator()(std::int64_t number) const { sink.put(number); }
    void operator()(double number) const { sink.put_decimal(number); }
    void operator()(std::string_view text) const {
        is_plain_ascii(text) ? put_cell(sink, text) : put_cell(sink, printable(valid_utf8(text)));
    }
    void operator()(const Word &word) const {
        const auto name = name_of(word);
        name.empty() ? sink.put(word.number) : sink.put(name);
    }
    void operator()(const RawBytes &bytes) const { sink.put_hex(bytes); }
    template <typename End> void operator()(const End &end) const { sink.put_end(end); }
};

} // namespace

CsvWriter::CsvWriter(Layout layout, const Columns &columns)
    : columns_(layout.columns.empty() ? usual_columns(columns) : std::move(layout.columns)),
      pointers_(layout.pointers) {}

void CsvWriter::begin(Sink &sink) {
    sink.put(pointers_ ? "time,monotonic_ns,id,sock" : "time,monotonic_ns,id");
    for (const auto *column : columns_) {
        sink.put(',');
        put_cell(sink, printable(column->name));
    }
    sink.put(line_end);
}

void CsvWriter::write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) {
    const auto time = fmt::format("{},{},", utc(snapshot.time), snapshot.time_ns);
    for (const auto &row : rows) {
        sink.put(time);
        sink.put(row.id());
        if (pointers_) {
            sink.put(',');
            sink.put_pointer(row.sock());
        }
        RowValues values(row);
        for (const auto *column : columns_) {
            sink.put(',');
            std::visit(PutCell{sink}, values[*column]);
        }
        sink.put(line_end);
    }
}

} // namespace tcp_stats
