// The loop: read, decode, write, wait.
#pragma once

#include "app/stop_signals.h"
#include "base/error.h"
#include "cli/options.h"

namespace tcp_stats {

/// Compiles, attaches, and writes snapshots to standard output until the count is reached, a signal
/// arrives or the reader leaves. Everything is detached when it returns.
Result<void> monitor(const Options &options, const StopSignals &signals);

/// The text of --explain. Errors: usage, source_unreadable.
Result<std::string> explain(const Options &options);

} // namespace tcp_stats
