#include "app/replay.h"

#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "app/display.h"
#include "app/request.h"
#include "base/printable.h"
#include "column/columns.h"
#include "loop/progress.h"
#include "store/moment.h"
#include "store/player.h"
#include "store/replay.h"

namespace tcp_stats {
namespace {

constexpr WallTime ns_per_ms = 1'000'000;

Result<ReplayRange> range_of(const Options &options, const Recording &recording) {
    ReplayRange range;
    std::optional<Error> error;
    const auto take = [&](const char *option, const std::optional<std::string> &text, std::optional<WallTime> &target) {
        if (error || !text) {
            return;
        }
        if (auto moment = moment_of(option, *text, range.from.value_or(recording.begin()), recording.end())) {
            target = *moment;
        } else {
            error = moment.error();
        }
    };
    take("--from", options.from, range.from);
    take("--to", options.to, range.to);
    take("--at", options.at, range.at);
    if (error) {
        return tl::unexpected(*error);
    }
    for (auto *last : {&range.to, &range.at}) {
        if (*last && **last < std::numeric_limits<WallTime>::max() - ns_per_ms) { // json shows times to the millisecond
            **last += ns_per_ms - 1;
        }
    }
    range.speed = options.speed;
    return range;
}

/// Says how far it is, where that is not to be seen by what comes out.
class ReplayWithProgress : public RecordedSource {
public:
    ReplayWithProgress(std::unique_ptr<Replay> replay, const std::string &file)
        : replay_(std::move(replay)), progress_("--replay " + printable(file)) {}

    Result<std::optional<Snapshot>> next() override {
        progress_.show(replay_->progress());
        return replay_->next();
    }
    std::int64_t host() const override { return replay_->host(); }
    std::chrono::nanoseconds wait(std::chrono::nanoseconds interval) const override { return replay_->wait(interval); }

private:
    std::unique_ptr<Replay> replay_;
    Progress progress_;
};

/// Whether nobody reads standard output meanwhile: a pipe's reader may write to the same terminal.
bool goes_to_a_file() {
    struct stat file {};
    return fstat(STDOUT_FILENO, &file) == 0 &&
           (S_ISREG(file.st_mode) || (S_ISCHR(file.st_mode) && isatty(STDOUT_FILENO) == 0));
}

struct Source {
    std::unique_ptr<RecordedSource> snapshots;
    Playback *playback = nullptr; ///< of these, on a screen
};

Result<Source> source_of(const Options &options, Recording &recording, const ReplayRange &range) {
    Source source;
    if (options.output == OutputFormat::live) {
        auto player = Player::create(recording, range);
        if (!player) {
            return tl::unexpected(player.error());
        }
        source.playback = player->get();
        source.snapshots = std::move(*player);
        return source;
    }
    auto replay = Replay::create(recording, range);
    if (!replay) {
        return tl::unexpected(replay.error());
    }
    if (options.output == OutputFormat::report || goes_to_a_file()) {
        source.snapshots = std::make_unique<ReplayWithProgress>(std::move(*replay), *options.replay);
    } else {
        source.snapshots = std::move(*replay);
    }
    return source;
}

} // namespace

Result<void> replay(const Options &options, const StopSignals &signals) {
    const auto request = Request::create(options);
    if (!request) {
        return tl::unexpected(request.error());
    }
    if (auto usable = check_output(options); !usable) {
        return usable;
    }
    auto recording = Recording::open(*options.replay);
    if (!recording) {
        return tl::unexpected(recording.error());
    }
    const auto range = range_of(options, **recording);
    if (!range) {
        return tl::unexpected(range.error());
    }
    const auto source = source_of(options, **recording, *range);
    if (!source) {
        return tl::unexpected(source.error());
    }
    const auto &reader = (*recording)->reader();
    const Columns columns(
        reader,
        [&](std::uint64_t id) -> const std::string & {
            return (*recording)->cgroup_path(source->snapshots->host(), id);
        },
        (*recording)->own_fields());
    auto grouped = request->grouped(columns);
    if (!grouped) {
        return tl::unexpected(grouped.error());
    }
    auto *groups = *grouped ? &**grouped : nullptr;
    const auto origin = (*recording)
                            ->origin(range->from.value_or((*recording)->begin()),
                                     range->to.value_or(range->at.value_or((*recording)->end())));
    const auto display = make_display(options, *request, columns, reader, groups, signals,
                                      {origin.hosts, origin.kernels, true, source->playback});
    if (!display) {
        return tl::unexpected(display.error());
    }
    return show(*source->snapshots, groups, **display, options.count, signals);
}

} // namespace tcp_stats
