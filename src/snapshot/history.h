// Makes snapshots of what the kernel says, each with the help of the one before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "record/record_reader.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

/// What the kernel says at one time.
struct Reading {
    std::uint64_t time_ns = 0;       ///< CLOCK_MONOTONIC, before its walk over the sockets began
    std::shared_ptr<Records> live;   ///< the table; null: none
    std::shared_ptr<Records> closed; ///< last records of connections that ended since the reading before; null: none
    /// Network namespaces whose sockets were walked, by inode number; empty where the kernel cannot walk.
    std::unordered_set<std::uint64_t> walked_netns;
    /// What is missing, counted since the start.
    std::vector<Count> missed;
    std::optional<std::uint64_t> refused; ///< as `Snapshot` has it
};

/// A record in the table whose socket is gone.
struct GoneRecord {
    std::uint64_t sock;
    std::uint64_t first_seen_ns; ///< tells it from a newer one at the same address
};

class History {
public:
    /// `reader` must outlive it.
    explicit History(const RecordReader &reader) : reader_(reader), places_(reader.places()) {}

    /// - A flow is known again by its address and its `first_seen_ns`; without that, by its two ends. Its record before
    ///   is one that was shown, and sampled earlier (by `sampled_ns`; the readings' times where the program has none).
    /// - A record in the table whose last record has come too is left out: it closed meanwhile. So is one
    ///   that a walk made of a socket while it was closing (Linux before 5.15 walks without its lock).
    /// - A record that two walks in a row did not come by is of a socket whose close was missed: `stale`.
    /// New flows get their numbers in the order of the table. Its time of day is the caller's to set.
    Snapshot next(Reading reading);

    /// To be removed from the table, by the last snapshot.
    const std::vector<GoneRecord> &gone() const { return gone_; }

private:
    /// A record, by what it is sorted by.
    struct Entry {
        std::uint64_t sock;
        std::uint32_t record;
    };

    /// What is known of a record of the snapshot before.
    struct Known {
        std::uint64_t id = 0; ///< 0: it was not shown
        bool suspect = false; ///< its walk did not come by it
    };

    static void sort(const Records &records, std::vector<Entry> &entries);
    /// Sets `match_`: for each record in `sorted`, the one that `sorted_before_` has of its socket.
    void match_with_before(const std::vector<Entry> &sorted);
    /// The same of one socket.
    std::uint32_t find_before(std::uint64_t sock) const;
    bool is_same(Record now, Record before) const;
    std::uint64_t sampled_ns(Record record, std::uint64_t time_ns) const;

    void count_missed(const Reading &reading, Snapshot &snapshot) const;
    void add_live(const Reading &reading, Snapshot &snapshot);
    void add_closed(Snapshot &snapshot);
    bool has_closed(std::uint64_t sock, Record record) const;
    bool is_ghost(std::uint64_t sock, Record record) const;
    Flow flow(std::uint32_t record, Record now, std::uint32_t match, std::uint64_t time_ns);

    const RecordReader &reader_;
    const KnownPlaces &places_;

    bool first_ = true;
    bool had_untracked_ = false; ///< in the snapshot before
    std::uint64_t before_time_ns_ = 0;
    std::vector<Count> missed_before_;
    std::shared_ptr<const Records> before_;
    std::vector<Entry> sorted_before_;
    std::vector<Known> known_before_; ///< by their place in before_
    std::uint64_t last_id_ = 0;
    std::vector<GoneRecord> gone_;

    // Of the snapshot that is being made; kept for their memory.
    std::shared_ptr<const Records> closed_;
    std::vector<Entry> sorted_closed_;
    std::vector<Entry> sorted_;
    std::vector<Known> known_;
    std::vector<std::uint32_t> match_;
};

} // namespace tcp_stats
