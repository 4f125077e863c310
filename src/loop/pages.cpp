#include "loop/pages.h"

#include <utility>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/translate.h"
#include "output/line_writer.h"

namespace tcp_stats {

Pages::Pages(OutputFormat format, std::unique_ptr<Writer> writer, View view, std::chrono::nanoseconds interval,
             std::string last_words, const StopSignals &signals)
    : format_(format), writer_(std::move(writer)), view_(std::move(view)), interval_(interval),
      last_words_(std::move(last_words)), output_(STDOUT_FILENO, signals.fd()),
      sink_([this](std::string_view text) { output_.write(text); }) {
    writer_->begin(sink_);
}

Result<Viewer> Pages::show(Snapshot snapshot) {
    if (format_ == OutputFormat::csv && !snapshot.missed.empty()) { // csv has no place for it
        spdlog::warn(tr("missed since the snapshot before: {}", comment_line(snapshot)));
    }
    writer_->write(snapshot, rows_in_view(snapshot, view_), sink_);
    return written();
}

Result<void> Pages::end(bool counted) {
    if (counted) {
        return {};
    }
    sink_.put(last_words_);
    const auto viewer = written();
    return viewer ? Result<void>() : tl::unexpected(viewer.error());
}

Result<Viewer> Pages::written() {
    sink_.flush();
    const auto &state = output_.state();
    if (!state) {
        return tl::unexpected(state.error());
    }
    return *state == Written::all ? Viewer::stays : Viewer::left;
}

} // namespace tcp_stats
