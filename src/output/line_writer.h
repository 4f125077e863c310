// The `line` format: that of the Python script this program comes from, because scripts parse it.
#pragma once

#include "output/writer.h"

namespace tcp_stats {

/// A snapshot is `[snapshot]` and a line for each flow shown, or one line that says there is none yet; then, where
/// something was missed, a comment line `# name=count …`, and one `# refused=count` of the sockets that the kernel kept
/// out. The data lines are the same in every language; what stands
/// before and behind them is in the user's. Columns follow what the script's format has, as `name=value`.
/// That has no place for groups: theirs is a line `group name=value …`, the key first.
class LineWriter : public Writer {
public:
    LineWriter(const Layout &layout, const FlowColumns &columns, const RecordReader &reader);

    std::string begin() override;
    std::string snapshot(const Page &page) override;

private:
    void append_script_part(std::string &text, const Flow &flow) const;

    std::vector<const FlowColumn *> further_;
    bool grouped_;
    const RecordReader &reader_;
};

/// `# name=count …` and a line end, or nothing where nothing was missed.
std::string comment_line(const Snapshot &snapshot);

} // namespace tcp_stats
