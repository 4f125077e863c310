// The `line` format: that of the Python script this program comes from, because scripts parse it.
#pragma once

#include <string>

#include "flow/flow.h"

namespace tcp_stats {

/// What is said before the first snapshot, in the user's language.
std::string line_banner();

/// One snapshot: `[snapshot]` and a line for each flow, or one line that says there is none yet.
/// The data lines are the same in every language.
std::string line_snapshot(const Snapshot &snapshot);

/// What is said when a signal ends the program, in the user's language.
std::string line_farewell();

} // namespace tcp_stats
