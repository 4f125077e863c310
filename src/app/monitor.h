// Wires up what the options ask for: program, hooks, display.
#pragma once

#include "base/error.h"
#include "cli/options.h"
#include "loop/stop_signals.h"

namespace tcp_stats {

/// Compiles, attaches, and shows snapshots until the count is reached, a signal
/// arrives or the viewer leaves. Everything is detached when it returns.
Result<void> monitor(const Options &options, const StopSignals &signals);

/// The text of --explain. Errors: usage, source_unreadable.
Result<std::string> explain(const Options &options);

} // namespace tcp_stats
