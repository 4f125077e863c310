// One page of HTML that tells what happened: nothing is loaded from elsewhere, and there are no scripts.
#pragma once

#include <string>

#include "output/sink.h"
#include "report/tally.h"

namespace tcp_stats {

/// Of whom a report is.
struct ReportOrigin {
    std::string host;
    std::string kernel;     ///< as uname -r
    std::string conditions; ///< which flows were looked at; empty: all
};

/// `tally` is finished.
void write_report(const Tally &tally, const ReportOrigin &origin, Sink &sink);

} // namespace tcp_stats
