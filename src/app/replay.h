// Shows what was recorded.
#pragma once

#include "base/error.h"
#include "cli/options.h"
#include "loop/stop_signals.h"

namespace tcp_stats {

/// Errors: those of opening the file, of the request, of showing.
Result<void> replay(const Options &options, const StopSignals &signals);

} // namespace tcp_stats
