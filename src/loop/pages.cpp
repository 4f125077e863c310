#include "loop/pages.h"

#include <utility>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/translate.h"
#include "loop/standard_output.h"
#include "output/line_writer.h"

namespace tcp_stats {

Pages::Pages(OutputFormat format, std::unique_ptr<Writer> writer, View view, std::chrono::nanoseconds interval,
             const StopSignals &signals)
    : format_(format), writer_(std::move(writer)), view_(std::move(view)), interval_(interval), signals_(signals),
      before_(writer_->begin()) {}

Result<Viewer> Pages::show(Taken taken) {
    const auto &snapshot = taken.snapshot;
    if (format_ == OutputFormat::csv && !snapshot.missed.empty()) { // csv has no place for it
        auto counts = comment_line(snapshot);
        counts.pop_back();
        spdlog::warn(tr("missed since the snapshot before: {}", counts));
    }
    auto text = std::exchange(before_, {});
    text += writer_->snapshot({snapshot, flows_in_view(snapshot, view_), taken.time});
    return write(text);
}

Result<void> Pages::end() {
    const auto written = write(last_words(format_));
    return written ? Result<void>() : tl::unexpected(written.error());
}

Result<Viewer> Pages::write(const std::string &text) const {
    const auto written = write_text(STDOUT_FILENO, text, signals_.fd());
    if (!written) {
        return tl::unexpected(written.error());
    }
    return *written == Written::all ? Viewer::stays : Viewer::left;
}

} // namespace tcp_stats
