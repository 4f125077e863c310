#include "store/recording_display.h"

#include <utility>

namespace tcp_stats {

RecordingDisplay::RecordingDisplay(std::unique_ptr<Recorder> recorder, std::unique_ptr<Display> shown)
    : recorder_(std::move(recorder)), shown_(std::move(shown)) {}

Result<Viewer> RecordingDisplay::show(Snapshot snapshot) {
    recorder_->record(snapshot);
    if (recorder_->unrecorded() > 0) {
        snapshot.missed.push_back({"unrecorded_snapshots", recorder_->unrecorded()});
    }
    return shown_->show(std::move(snapshot));
}

} // namespace tcp_stats
