// The `csv` format, RFC 4180: a row for each flow (or group) of each snapshot.
#pragma once

#include "output/writer.h"

namespace tcp_stats {

/// The first row names the columns: `time` (UTC), `monotonic_ns`, `id`, with --pointers `sock`, and those chosen.
/// Absent values are empty. Text is UTF-8, its
/// control characters \xNN. What was missed has no place here; the loop
/// says it on standard error.
class CsvWriter : public Writer {
public:
    CsvWriter(Layout layout, const Columns &columns);

    void begin(Sink &sink) override;
    void write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) override;

private:
    std::vector<const Column *> columns_;
    bool pointers_;
};

} // namespace tcp_stats
