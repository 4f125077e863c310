// A recording on a screen: played, held, and gone through back and forth.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "loop/playback.h"
#include "store/replay.h"

namespace tcp_stats {

/// It never ends: at the last snapshot it stops playing.
class Player : public RecordedSource, public Playback {
public:
    /// All of `recording`, beginning with the snapshot of `range.at` where that is given, which is held; else of
    /// what is in the range. `recording` must outlive it. Errors: not_a_recording; usage, where nothing was
    /// recorded in the range.
    static Result<std::unique_ptr<Player>> create(Recording &recording, const ReplayRange &range);

    /// Error: not_a_recording.
    Result<std::optional<Snapshot>> next() override;
    std::chrono::nanoseconds wait(std::chrono::nanoseconds interval) const override;
    std::int64_t host() const override { return reader_.host(); }

    const std::vector<Moment> &moments() const override { return moments_; }
    std::size_t now() const override { return target_.value_or(now_); }
    void go(std::size_t moment) override;
    Result<std::size_t> moment_at(const std::string &text) const override;
    bool is_on_its_way() const override { return target_.has_value(); }
    bool is_playing() const override { return is_playing_; }
    void play(bool playing) override;
    double speed() const override { return speed_; }
    void set_speed(double speed) override { speed_ = speed; }

private:
    Player(Recording &recording, double speed);

    void read_moments(const ReplayRange &range);
    std::size_t last_at(WallTime time) const;

    /// What a viewer need not know of a moment.
    struct Place {
        std::int64_t id;
        std::int64_t run;
        std::uint64_t time_ns;
    };

    Recording &recording_;
    SnapshotReader reader_;
    std::vector<Moment> moments_;
    std::vector<Place> places_; ///< of the moments
    double speed_;
    bool is_playing_ = true;
    std::size_t now_ = 0;
    std::optional<std::size_t> target_; ///< where it goes
    bool is_to_seek_ = false;           ///< the reader goes elsewhere for that
};

} // namespace tcp_stats
