#include "report/report_display.h"

#include <utility>

#include <unistd.h>

#include "base/translate.h"
#include "loop/standard_output.h"

namespace tcp_stats {

Result<void> check_report_output() {
    return isatty(STDOUT_FILENO) == 0
               ? Result<void>()
               : fail(ErrorKind::usage,
                      tr("--output report: a page for a browser is nothing for a terminal; write it to a "
                         "file, as with > report.html"));
}

ReportDisplay::ReportDisplay(Tally tally, ReportOrigin origin, std::chrono::nanoseconds interval,
                             const StopSignals &signals)
    : tally_(std::move(tally)), origin_(std::move(origin)), interval_(interval), signals_(signals) {}

Result<Viewer> ReportDisplay::show(Snapshot snapshot) {
    tally_.take(snapshot);
    return Viewer::stays;
}

Result<void> ReportDisplay::end(bool /*counted*/) {
    tally_.finish();
    signals_.forget(); // that one ended what is told of; another ends the writing
    StandardOutput output(STDOUT_FILENO, signals_.fd());
    Sink sink([&](std::string_view text) { output.write(text); });
    write_report(tally_, origin_, sink);
    sink.flush();
    const auto &state = output.state();
    return state ? Result<void>() : tl::unexpected(state.error());
}

} // namespace tcp_stats
