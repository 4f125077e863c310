// Counts what snapshots tell, for Prometheus.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "column/columns.h"
#include "condition/filter.h"
#include "metrics/families.h"
#include "output/sink.h"
#include "snapshot/program_runs.h"
#include "snapshot/snapshot.h"
#include "view/group_key.h"

namespace tcp_stats {

/// What is served beside what the flows tell.
struct MonitorState {
    std::vector<ProgramRuns> programs; ///< empty: the kernel does not count that
    std::uint64_t unrecorded = 0;      ///< snapshots that could not be recorded
};

/// Sums over groups of flows, which only grow: each is of what the flows added from one snapshot to the next, those
/// that ended included. A flow that is older than the monitor adds what it does from its first snapshot on. The first
/// snapshot is where all begins.
///
/// Of a group that had no flow for an hour nothing is served any more; when it comes back, it begins at 0.
///
/// Prometheus takes what a series begins with for something that was before. So for each scraper a new series begins
/// with 0, and has its value from the next scrape on: then increase() misses nothing. One that is older than some
/// minutes is no new one: a scraper that has not met it (by that name) may have its samples all the same.
///
/// All but `create` may be called by different threads.
class Metrics {
public:
    struct Settings {
        std::vector<GroupKey> keys;     ///< empty: comm, or no label where the program does not have that
        std::size_t most_groups = 1000; ///< further ones are counted together
    };

    /// Whether flows can be labelled so. Errors: usage, for a key that there is not, that measures something, or that
    /// has the name of another label.
    static Result<void> check(const std::vector<GroupKey> &keys, const Columns &columns);

    /// Of flows that match all of `where`. `columns` and `reader` must outlive it. Errors: those of `check`.
    static Result<std::unique_ptr<Metrics>> create(const Settings &settings, const Columns &columns,
                                                   const RecordReader &reader, std::vector<Filter> where);

    void take(const Snapshot &snapshot, const MonitorState &state = {});

    /// All of it in the text format of Prometheus, version 0.0.4. `scraper`: who asks, by a name of its own; empty:
    /// somebody who wants to see the numbers as they are.
    std::string text(std::string_view scraper);

    /// The last text for that scraper was sent: what began in it is known there.
    void arrived(std::string_view scraper);

private:
    /// A series, as far as scrapers have been told of it.
    struct Telling {
        std::uint64_t since_ns = 0; ///< CLOCK_MONOTONIC: when it began
        std::uint8_t offered = 0;   ///< a bit for each scraper: its last text has it, and may not have arrived
        std::uint8_t told = 0;      ///< the same, of texts that arrived
    };
    static constexpr std::size_t most_scrapers = 8;

    struct Scraper {
        std::string name;
        std::uint64_t asked = 0; ///< a number that grows
    };

    /// Of one word: a state, an ending, an error.
    struct WordCount {
        std::uint64_t word = 0;
        std::uint64_t count = 0;
        Telling telling = {};
    };

    struct Histogram {
        std::array<std::uint64_t, most_bounds + 1> counts{}; ///< those above a bound are in the next, or the last one
        std::uint64_t sum_us = 0;
        std::uint64_t count = 0;
        Telling telling = {};
    };

    struct Group {
        std::string labels; ///< as they stand in the braces
        std::uint64_t used_ns = 0;
        Telling telling = {};
        std::array<std::uint64_t, counter_count> counters{};
        std::array<std::vector<WordCount>, words_count> words;
        std::array<Histogram, duration_count> durations;
    };

    /// What listens at one address and port.
    struct Listener {
        std::uint64_t used_ns = 0;
        std::uint64_t queue = 0, queue_limit = 0, syn_queue = 0;
        std::uint64_t drops = 0;
        Telling telling = {};
    };

    struct NamedCount {
        std::uint64_t count = 0;
        Telling telling = {};
    };

    Metrics(std::vector<KeyColumn> keys, std::size_t most_groups, const Columns &columns, const RecordReader &reader,
            std::vector<Filter> where);

    void miss(const std::string &name, std::uint64_t count);
    void take_flow(RowValues &values);
    void take_end(const Row &row, Group &group);
    void take_listener(RowValues &values);
    /// Of a flow that is `is_new`, if it is.
    Group &group_of(RowValues &values, bool is_new);
    /// To `labels_`.
    void append_label(std::string_view name, const Value &value);
    bool is_opened_now(const Row &row) const;
    std::uint64_t growth(const Row &row, const Place &place, bool began) const;
    void count(Group &group, Words words, std::uint64_t word) const;
    void observe(Group &group, Duration duration, std::uint64_t us) const;
    void drop_unused();
    std::uint8_t bit_of(std::string_view scraper);
    template <typename Do> void for_each_telling(Do &&act);

    std::vector<KeyColumn> keys_;
    std::size_t most_groups_;
    std::vector<Filter> where_;
    const KnownPlaces &places_;
    std::array<Place, counter_count> counter_places_{};
    Place role_, error_, connect_us_, acceptq_, acceptq_max_, synq_, listen_drops_;
    const Column *local_;

    std::mutex text_mutex_; ///< of those who ask: one of them at a time stands in the way of `take`
    std::mutex mutex_;
    std::uint64_t first_time_ns_ = 0; ///< 0: there was no snapshot
    std::uint64_t time_ns_ = 0;
    std::uint64_t last_id_ = 0, greatest_id_ = 0;   ///< of flows: before this snapshot, and with it
    std::unordered_map<std::string, Group> groups_; ///< by their labels
    std::string other_labels_;
    std::uint64_t ungrouped_ = 0; ///< connections that began in the group of the others
    std::uint64_t unrecorded_before_ = 0;
    std::map<std::string, Listener> listeners_;
    std::map<std::string, NamedCount> missed_;
    std::map<std::string, std::uint64_t> missing_;
    std::uint64_t snapshots_ = 0;
    double snapshot_time_s_ = 0, start_time_s_ = 0;
    MonitorState state_;
    std::vector<Scraper> scrapers_;
    std::uint64_t asked_ = 0;

    std::string labels_; ///< kept for its memory
    Sink label_sink_;
};

} // namespace tcp_stats
