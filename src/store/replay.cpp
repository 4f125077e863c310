#include "store/replay.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/translate.h"
#include "output/time_text.h"

namespace tcp_stats {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

} // namespace

tl::unexpected<Error> nothing_recorded(const Recording &recording) {
    return fail(ErrorKind::usage,
                tr("--replay {}: nothing was recorded then; the recording goes from {} to {}",
                   recording.path().string(), utc(time_point(recording.begin())), utc(time_point(recording.end()))));
}

std::uint64_t elapsed_ns(std::uint64_t before_time_ns, std::uint64_t time_ns) {
    return before_time_ns == 0 || before_time_ns > time_ns ? second_ns : time_ns - before_time_ns;
}

std::chrono::nanoseconds at_speed(std::uint64_t elapsed_ns, double speed) {
    constexpr double longest_ns = 1e15;
    return std::chrono::nanoseconds(std::llround(std::min(static_cast<double>(elapsed_ns) / speed, longest_ns)));
}

Result<std::unique_ptr<Replay>> Replay::create(Recording &recording, const ReplayRange &range) {
    try {
        std::unique_ptr<Replay> replay(new Replay(recording, range));
        const auto id = [&](const char *select, WallTime time) {
            SQLite::Statement statement(recording.database(), select);
            statement.bind(1, time);
            return statement.executeStep() ? statement.getColumn(0).getInt64() : 0;
        };
        replay->last_ =
            id("SELECT max(id) FROM snapshots WHERE time <= ?", range.at.value_or(range.to.value_or(recording.end())));
        replay->first_ =
            range.at ? replay->last_
                     : id("SELECT min(id) FROM snapshots WHERE time >= ?", range.from.value_or(recording.begin()));
        if (replay->first_ != 0 && replay->first_ <= replay->last_) {
            replay->reader_.go_before(replay->first_);
            replay->read_next();
        }
        if (!replay->next_) {
            return nothing_recorded(recording);
        }
        return replay;
    } catch (const SQLite::Exception &exception) {
        return damaged(recording.path(), exception.what());
    }
}

Replay::Replay(Recording &recording, const ReplayRange &range)
    : recording_(recording), range_(range), reader_(recording) {}

/// Where the clock was set, some in between may be out of the range.
bool Replay::is_wanted() const {
    const auto time = reader_.time();
    return reader_.id() >= first_ &&
           (range_.at || (time >= range_.from.value_or(time) && time <= range_.to.value_or(time)));
}

void Replay::read_next() {
    do {
        next_ = reader_.next();
        if (next_ && reader_.id() > last_) {
            next_.reset();
        }
    } while (next_ && !is_wanted());
}

Result<std::optional<Snapshot>> Replay::next() {
    try {
        host_ = reader_.host();
        auto snapshot = std::exchange(next_, std::nullopt);
        if (snapshot) {
            read_next();
        }
        return snapshot;
    } catch (const SQLite::Exception &exception) {
        return no_longer_readable(recording_, exception.what());
    }
}

double Replay::progress() const {
    return last_ == first_ ? 1 : static_cast<double>(reader_.id() - first_) / static_cast<double>(last_ - first_);
}

std::chrono::nanoseconds Replay::wait(std::chrono::nanoseconds /*interval*/) const {
    return range_.speed && next_ ? at_speed(elapsed_ns(next_->before_time_ns, next_->time_ns), *range_.speed)
                                 : std::chrono::nanoseconds();
}

} // namespace tcp_stats
