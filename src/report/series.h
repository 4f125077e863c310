// What happened over time, in stretches that become longer as time goes on, so that there are never too many.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "loop/playback.h"

namespace tcp_stats {

/// `Part` is what happened in a stretch; `part.add(later)` makes one of two.
template <typename Part> class Series {
public:
    struct Stretch {
        WallTime begin;
        Part part;
    };

    /// `most`: 2 stretches at least. Each is a second long at first.
    explicit Series(std::size_t most) : most_(most) {}

    /// `time` is not before that of the part before.
    void add(WallTime time, const Part &part) {
        put(stretches_, time - time % length_, part);
        while (stretches_.size() > most_) {
            length_ *= 2;
            std::vector<Stretch> fewer;
            for (const auto &[begin, earlier] : stretches_) {
                put(fewer, begin - begin % length_, earlier);
            }
            stretches_ = std::move(fewer);
        }
    }

    const std::vector<Stretch> &stretches() const { return stretches_; }
    WallTime length() const { return length_; } ///< of each

private:
    static void put(std::vector<Stretch> &stretches, WallTime begin, const Part &part) {
        if (!stretches.empty() && begin <= stretches.back().begin) {
            stretches.back().part.add(part);
        } else {
            stretches.push_back({begin, part});
        }
    }

    std::size_t most_;
    WallTime length_ = 1'000'000'000;
    std::vector<Stretch> stretches_;
};

} // namespace tcp_stats
