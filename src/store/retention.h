// How much of a recording stays: --keep.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include <SQLiteCpp/Database.h>

#include "base/choices.h"

namespace tcp_stats {

/// Removes the oldest snapshots, and connections that have none left. Throws SQLite::Exception.
class Retention {
public:
    /// `run`: the one that records now. `database` must outlive it.
    Retention(SQLite::Database &database, const Keep &keep, std::int64_t run)
        : database_(database), keep_(keep), run_(run) {}

    /// What is too much when a snapshot of `time` (ns since 1970) and `time_ns` (CLOCK_MONOTONIC) comes; a part of it,
    /// where that takes long, and the rest with the next ones. What becomes free is used for what comes. Whether there
    /// was something.
    bool forget(std::int64_t time, std::uint64_t time_ns);

    /// All of that. `told` gets how far it is, from 0 to 1, and says whether to go on. Not within a transaction.
    void forget_all(std::int64_t time, std::uint64_t time_ns, const std::function<bool(double)> &told);

    /// Makes the file smaller, a little at a time, where more than `most_free` of its pages are free. Not within a
    /// transaction. Whether it did.
    bool give_pages_back(std::int64_t most_free = 1024);

private:
    void forget_up_to(std::int64_t snapshot);
    /// Hosts and cgroups that no connection is of any more.
    void forget_unused();
    /// Bytes of the file that are in use.
    std::int64_t size();
    /// What grows until all is forgotten that is beyond --keep, and what it grows to.
    std::int64_t forgotten();
    std::int64_t forgotten_in_the_end(std::int64_t time) const;

    SQLite::Database &database_;
    Keep keep_;
    std::int64_t run_;
    std::optional<std::int64_t> began_; ///< when CLOCK_MONOTONIC was 0, by the first snapshot, in ns since 1970
};

} // namespace tcp_stats
