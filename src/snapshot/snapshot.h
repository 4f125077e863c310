// What is shown of one moment: every flow, what can be said of it by comparing with the moment before,
// and what was missed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "record/record_reader.h"
#include "record/value.h"
#include "snapshot/limit.h"

namespace tcp_stats {

/// How often something happened, by its name.
struct Count {
    std::string name;
    std::uint64_t value;

    bool operator==(const Count &) const = default;
};

/// What the kernel says at one time.
struct Reading {
    std::uint64_t time_ns = 0; ///< CLOCK_MONOTONIC, before its walk over the sockets began
    RawEntries live;           ///< the table
    RawEntries closed;         ///< last records of connections that ended since the reading before
    /// Network namespaces whose sockets were walked, by inode number; empty where the kernel cannot walk.
    std::unordered_set<std::uint64_t> walked_netns;
    /// What is missing, counted since the start.
    std::vector<Count> missed;
    /// Sockets that the walk passed over because the user does not want to see them; absent: it does not tell.
    std::optional<std::uint64_t> refused;
};

struct Flow {
    std::uint64_t sock = 0; ///< address of the kernel's struct sock
    std::uint64_t id = 0;   ///< the same in every snapshot, and no other flow's: a number from 1 on
    bool closed = false;    ///< its last record
    Endpoint local;
    Endpoint remote;
    Record record; ///< of the snapshot's reading
    /// In the order of `derived_fields`.
    std::vector<Value> derived;
};

/// A record in the table whose socket is gone.
struct GoneRecord {
    std::uint64_t sock;
    std::uint64_t first_seen_ns; ///< tells it from a newer one at the same address
};

struct Snapshot {
    Reading reading;
    std::vector<Flow> flows;
    /// What was missed since the snapshot before, or (untracked) is missing now; without those that are 0.
    std::vector<Count> missed;
    /// To be removed from the table.
    std::vector<GoneRecord> gone;
};

/// Whether a count of that name is what is missing now; others are what was missed since the snapshot before.
bool is_missing_now(std::string_view name);

/// The fields of Source::derived, in the order of the field table.
const std::vector<const Field *> &derived_fields();

/// Makes snapshots of readings, each with the help of the one before.
class History {
public:
    /// `cgroup_path` gives the path of a cgroup by its id, or nothing.
    History(const RecordReader &reader, std::function<std::string(std::uint64_t)> cgroup_path);

    /// - A flow is known again by its address and its `first_seen_ns`; rates are per second between the two
    ///   `sampled_ns` (the readings' times where the program has none). A rate is absent on first sight
    ///   and when the counter went backwards.
    /// - A record in the table whose last record has come too is left out: it closed meanwhile. So is one
    ///   that a walk made of a socket while it was closing (Linux before 5.15 walks without its lock).
    /// - A record that two walks in a row did not come by is of a socket whose close was missed: `stale`.
    Snapshot next(Reading reading);

private:
    class Closed;

    Flow flow(std::uint64_t sock, Record record, std::uint64_t time_ns, bool closed);
    std::uint64_t id_of(std::uint64_t sock, Record record);
    void add_live(Snapshot &snapshot, const Closed &closed);
    void count_missed(Snapshot &snapshot);
    Record record_of(const RawEntries &entries, std::size_t index) const;
    std::uint64_t sampled_ns(Record record, std::uint64_t time_ns) const;
    std::vector<Value> derive(std::uint64_t sock, Record record, std::uint64_t time_ns) const;
    LimitCounters limit_counters(Record record) const;
    std::vector<Value> rates_and_limits(Record before, Record now, double elapsed_s) const;

    const RecordReader &reader_;
    std::function<std::string(std::uint64_t)> cgroup_path_;
    std::optional<RecordField> first_seen_, opened_, sampled_, closed_, netns_, cgroup_;
    std::optional<RecordField> busy_, rwnd_limited_, sndbuf_limited_, recovery_, cwnd_limited_, sndbuf_full_;
    std::optional<RecordField> notsent_, mss_, bytes_sent_;
    std::vector<std::optional<RecordField>> rate_of_; ///< for each derived field, what it is the rate of

    bool first_ = true;
    bool had_untracked_ = false; ///< in the snapshot before
    std::uint64_t previous_time_ns_ = 0;
    RawEntries previous_;
    std::unordered_map<std::uint64_t, std::size_t> previous_index_; ///< by sock, into previous_
    std::vector<Count> previous_missed_;
    std::unordered_map<std::uint64_t, std::uint64_t> suspects_; ///< sock -> first_seen_ns

    struct Known {
        std::uint64_t first_seen_ns = 0;
        Endpoint local, remote;
        std::uint64_t id = 0;
    };
    std::unordered_map<std::uint64_t, Known> known_;     ///< by sock: the flows of the snapshot before
    std::unordered_map<std::uint64_t, Known> now_known_; ///< of the one that is being made
    std::uint64_t last_id_ = 0;
};

} // namespace tcp_stats
