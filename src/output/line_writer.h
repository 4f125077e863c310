// The `line` format: that of the Python script this program comes from, because scripts parse it.
#pragma once

#include "output/value_text.h"
#include "output/writer.h"

namespace tcp_stats {

/// A snapshot is `[snapshot]` and a line for each flow shown, or one line that says there is none yet; then, where
/// something was missed, a comment line `# name=count …`, and one `# refused=count` of the sockets that the kernel kept
/// out. The data lines are the same in every language; what stands
/// before and behind them is in the user's. Columns follow what the script's format has, as `name=value`.
/// That has no place for groups: theirs is a line `group name=value …`, the key first.
class LineWriter : public Writer {
public:
    LineWriter(const Layout &layout, const Columns &columns, const RecordReader &reader);

    void begin(Sink &sink) override;
    void write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) override;

private:
    void write_script_part(const Row &row, Sink &sink) const;

    std::vector<ColumnText> further_;
    bool grouped_;
    bool recorded_;
    const RecordReader &reader_;
};

/// `# name=count …`, or nothing where nothing was missed.
std::string comment_line(const Snapshot &snapshot);

} // namespace tcp_stats
