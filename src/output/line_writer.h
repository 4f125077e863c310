// The `line` format: that of the Python script this program comes from, because scripts parse it.
#pragma once

#include <string>

#include "flow/record_reader.h"
#include "flow/snapshot.h"

namespace tcp_stats {

/// What is said before the first snapshot, in the user's language.
std::string line_banner();

/// One snapshot: `[snapshot]` and a line for each flow, or one line that says there is none yet; then, where
/// something was missed, a comment line `# name=count …`. The data lines are the same in every language.
std::string line_snapshot(const Snapshot &snapshot, const RecordReader &reader);

/// What is said when a signal ends the program, in the user's language.
std::string line_farewell();

} // namespace tcp_stats
