#include "output/json_writer.h"

#include <fmt/format.h>

#include "output/time_text.h"
#include "output/utf8.h"

namespace tcp_stats {
namespace {

/// Of the objects' form, docs/snapshot.schema.json: a key that goes or changes its meaning makes it another one.
constexpr int schema_version = 1;

constexpr ValueText in_json = {is_plain_in_json, json_string, true, true};

} // namespace

JsonWriter::JsonWriter(Layout layout, const Columns &columns)
    : pointers_(layout.pointers), group_by_(std::move(layout.group_by)) {
    for (const auto *column : layout.columns.empty() ? usual_columns(columns) : layout.columns) {
        columns_.push_back({column, fmt::format(",{}:", json_string(column->name))});
    }
}

void JsonWriter::write_object(const Row &row, Sink &sink) const {
    sink.print(FMT_COMPILE("{{\"id\":{}"), row.id());
    if (pointers_) {
        sink.print(FMT_COMPILE(",\"sock\":\"{:#x}\""), row.sock());
    }
    put_values(sink, row, columns_, in_json);
    sink.put('}');
}

/// Of the rows for which `condition` is true.
template <typename Condition>
void JsonWriter::write_list(const std::vector<Row> &rows, Sink &sink, Condition condition) const {
    char before = '[';
    for (const auto &row : rows) {
        if (condition(row)) {
            sink.put(before);
            write_object(row, sink);
            before = ',';
        }
    }
    sink.put(before == '[' ? "[]" : "]");
}

void JsonWriter::write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) {
    const auto now_ns = snapshot.time_ns;
    sink.put(
        fmt::format("{{\"schema\":{},\"time\":\"{}\",\"monotonic_ns\":{}", schema_version, utc(snapshot.time), now_ns));
    if (const auto before_ns = snapshot.before_time_ns; before_ns != 0) {
        sink.put(fmt::format(",\"interval_s\":{:.6f}", static_cast<double>(now_ns - before_ns) / 1e9));
    }
    if (group_by_.empty()) {
        sink.put(",\"flows\":");
        write_list(rows, sink, [](const Row &row) { return !row.closed(); });
        sink.put(",\"closed\":");
        write_list(rows, sink, [](const Row &row) { return row.closed(); });
    } else {
        sink.put(fmt::format(",\"group_by\":{},\"groups\":", json_string(group_by_)));
        write_list(rows, sink, [](const Row & /*group*/) { return true; });
    }
    sink.put(',');
    if (snapshot.refused) {
        sink.put(fmt::format("\"refused\":{},", *snapshot.refused));
    }
    sink.put("\"missed\":{");
    const char *separator = "";
    for (const auto &count : snapshot.missed) {
        sink.put(fmt::format("{}{}:{}", separator, json_string(count.name), count.value));
        separator = ",";
    }
    sink.put("}}\n");
}

} // namespace tcp_stats
