// The `json` format: one object for each snapshot on a line of its own (JSON Lines). docs/snapshot.schema.json.
#pragma once

#include <optional>

#include "output/value_text.h"
#include "output/writer.h"

namespace tcp_stats {

/// Numbers are numbers, a value that is absent has no key. All is
/// ASCII: other characters are \\uNNNN, bytes that are no UTF-8 U+FFFD.
class JsonWriter : public Writer {
public:
    JsonWriter(Layout layout, const Columns &columns);

    void write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) override;

private:
    void write_object(const Row &row, Sink &sink) const;
    template <typename Condition> void write_list(const std::vector<Row> &rows, Sink &sink, Condition condition) const;

    std::vector<ColumnText> columns_;
    bool pointers_;
    std::string group_by_;
};

} // namespace tcp_stats
