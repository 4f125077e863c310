#include "store/player.h"

#include <algorithm>
#include <limits>

#include "base/translate.h"
#include "store/moment.h"

namespace tcp_stats {
namespace {

/// A target so near is reached without a look at what was before.
constexpr std::size_t near = 60;
/// Longer than anybody looks.
constexpr std::chrono::hours forever{24 * 365};

std::optional<std::uint64_t> count_or_nothing(const SQLite::Column &column) {
    return column.isInteger() ? std::optional(static_cast<std::uint64_t>(column.getInt64())) : std::nullopt;
}

} // namespace

Result<std::unique_ptr<Player>> Player::create(Recording &recording, const ReplayRange &range) {
    try {
        std::unique_ptr<Player> player(new Player(recording, range.speed.value_or(1)));
        player->read_moments(range);
        if (player->moments_.empty()) {
            return nothing_recorded(recording);
        }
        if (range.at) {
            if (player->moments_.front().time > *range.at) {
                return nothing_recorded(recording);
            }
            player->is_playing_ = false;
        }
        player->target_ = range.at ? player->last_at(*range.at) : 0;
        player->is_to_seek_ = true;
        return player;
    } catch (const SQLite::Exception &exception) {
        return damaged(recording.path(), exception.what());
    }
}

Player::Player(Recording &recording, double speed) : recording_(recording), reader_(recording), speed_(speed) {}

void Player::read_moments(const ReplayRange &range) {
    SQLite::Statement snapshots(recording_.database(), "SELECT id, run, time_ns, time, retransmits, failures FROM "
                                                       "snapshots WHERE time BETWEEN ? AND ? ORDER BY id");
    snapshots.bind(1, range.from.value_or(0));
    snapshots.bind(2, range.to.value_or(std::numeric_limits<WallTime>::max()));
    while (snapshots.executeStep()) {
        const auto run = snapshots.getColumn(1).getInt64();
        const bool begins_run = places_.empty() || places_.back().run != run;
        places_.push_back(
            {snapshots.getColumn(0).getInt64(), run, static_cast<std::uint64_t>(snapshots.getColumn(2).getInt64())});
        moments_.push_back({snapshots.getColumn(3).getInt64(), count_or_nothing(snapshots.getColumn(4)),
                            count_or_nothing(snapshots.getColumn(5)), begins_run});
    }
}

/// At the end it begins anew.
void Player::play(bool playing) {
    is_playing_ = playing;
    if (playing && now() + 1 == moments_.size()) {
        go(0);
    }
}

void Player::go(std::size_t moment) {
    moment = std::min(moment, moments_.size() - 1);
    if (moment == now()) {
        return;
    }
    is_to_seek_ = is_to_seek_ || moment <= now_ || moment - now_ > near;
    target_ = moment;
}

std::size_t Player::last_at(WallTime time) const {
    const auto found =
        std::find_if(moments_.rbegin(), moments_.rend(), [&](const Moment &moment) { return moment.time <= time; });
    return found == moments_.rend() ? 0 : static_cast<std::size_t>(moments_.rend() - found) - 1;
}

Result<std::size_t> Player::moment_at(const std::string &text) const {
    const auto time = moment_of("--at", text, recording_.begin(), recording_.end());
    if (!time) {
        return tl::unexpected(time.error());
    }
    constexpr WallTime to_its_end = 999'999; // times are shown to the millisecond
    return last_at(std::min(*time, recording_.end()) + to_its_end);
}

Result<std::optional<Snapshot>> Player::next() {
    try {
        if (is_to_seek_) {
            reader_.go_before(places_[*target_].id);
            is_to_seek_ = false;
        }
        std::optional<Snapshot> snapshot;
        std::vector<Place>::iterator place;
        do {
            snapshot = recording_.has_changed() ? std::nullopt : reader_.next();
            if (!snapshot) {
                return changed(recording_.path());
            }
            place = std::lower_bound(places_.begin(), places_.end() - 1, reader_.id(),
                                     [](const Place &one, std::int64_t id) { return one.id < id; });
            // Where the clock was set, some in between may be out of the range.
        } while (!target_ && place->id != reader_.id());
        now_ = static_cast<std::size_t>(place - places_.begin());
        if (target_ && reader_.id() >= places_[*target_].id) {
            target_.reset();
        }
        is_playing_ = is_playing_ && now_ + 1 < moments_.size();
        return snapshot;
    } catch (const SQLite::Exception &exception) {
        return no_longer_readable(recording_, exception.what());
    }
}

std::chrono::nanoseconds Player::wait(std::chrono::nanoseconds /*interval*/) const {
    if (target_) {
        return {};
    }
    if (!is_playing_ || now_ + 1 >= places_.size()) {
        return forever;
    }
    const auto &here = places_[now_];
    const auto &next = places_[now_ + 1];
    return at_speed(elapsed_ns(here.run == next.run ? here.time_ns : 0, next.time_ns), speed_);
}

} // namespace tcp_stats
