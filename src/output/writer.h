// Snapshots to text, in the format that the user chose.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/choices.h"
#include "column/columns.h"
#include "output/sink.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

class Writer {
public:
    virtual ~Writer() = default;

    /// What stands before the first snapshot.
    virtual void begin(Sink & /*sink*/) {}

    /// `rows`: those of `snapshot` that are shown, in order.
    virtual void write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) = 0;
};

/// How the text is to be laid out where that is open.
struct Layout {
    /// The columns to show, in order; empty: those that the format has by itself.
    std::vector<const Column *> columns;
    /// Characters in a row of the terminal, asked for each snapshot; 0: no terminal, or it does not tell.
    std::function<std::size_t()> width = [] { return std::size_t(0); };
    bool colour = false;
    /// Show the addresses of kernel structures in formats that do not have to.
    bool pointers = false;
    bool recorded = false; ///< what is shown was recorded: nothing is said of the program that is loaded
    /// The key that `Groups` have; empty: the rows are flows.
    std::string group_by;
};

/// What stands behind the last snapshot, or in place of all, when a signal ends the program.
std::string last_words(OutputFormat format);

/// `columns` are those of the rows. They and `reader` must outlive the writer.
std::unique_ptr<Writer> make_writer(OutputFormat format, Layout layout, const Columns &columns,
                                    const RecordReader &reader);

/// Those that a format shows by itself.
std::vector<const Column *> usual_columns(const Columns &columns);

} // namespace tcp_stats
