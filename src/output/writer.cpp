#include "output/writer.h"

#include "base/translate.h"
#include "output/csv_writer.h"
#include "output/json_writer.h"
#include "output/line_writer.h"
#include "output/table_writer.h"

namespace tcp_stats {

std::unique_ptr<Writer> make_writer(OutputFormat format, Layout layout, const Columns &columns,
                                    const RecordReader &reader) {
    switch (format) {
    case OutputFormat::table:
        return std::make_unique<TableWriter>(std::move(layout), columns);
    case OutputFormat::json:
        return std::make_unique<JsonWriter>(std::move(layout), columns);
    case OutputFormat::csv:
        return std::make_unique<CsvWriter>(std::move(layout), columns);
    case OutputFormat::line:
    case OutputFormat::live: // no text of snapshots
    case OutputFormat::report:
        break;
    }
    return std::make_unique<LineWriter>(layout, columns, reader);
}

std::string last_words(OutputFormat format) {
    return format == OutputFormat::line ? tr("Exiting") + "\n" : std::string();
}

std::vector<const Column *> usual_columns(const Columns &columns) {
    std::vector<const Column *> usual;
    for (const auto &column : columns.all()) {
        if (column.usual) {
            usual.push_back(&column);
        }
    }
    return usual;
}

} // namespace tcp_stats
