// What a report tells, counted from one snapshot to the next.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "column/columns.h"
#include "condition/filter.h"
#include "loop/playback.h"
#include "report/series.h"
#include "snapshot/snapshot.h"
#include "view/view.h"

namespace tcp_stats {

/// Counters of a flow whose growth is added up.
struct Grown {
    enum Counter : std::uint8_t {
        sent, ///< bytes
        received,
        segments,
        retransmits,
        fast,
        rto,
        probe,
        syn,
        busy_us,
        rwnd_us,
        sndbuf_us,
        recovery_us,
    };
    static constexpr std::size_t counters = 12;

    std::array<std::uint64_t, counters> by = {};

    std::uint64_t operator[](Counter counter) const { return by[counter]; }
    void add(const Grown &other);
};

/// How many flows had which round-trip time. A value is told to within 3 %.
class RttCounts {
public:
    void add(std::uint64_t us);
    void add(const RttCounts &other);

    /// So many of a hundred were not above; absent: there was none.
    std::optional<double> percentile(double percent) const;

private:
    static constexpr std::size_t per_doubling = 16;
    static constexpr std::size_t places = 32 * per_doubling;
    std::array<std::uint32_t, places> counts_ = {};
    std::uint64_t total_ = 0;
};

/// A stretch of time, of all flows.
struct HostPart {
    double seconds = 0;
    Grown grown;
    std::uint64_t opened = 0, failed = 0, reset = 0, timed_out = 0;
    RttCounts rtt;

    void add(const HostPart &other);
};

/// The same of one flow.
struct FlowPart {
    float seconds = 0;
    float sent = 0; ///< bytes
    float retransmits = 0;
    float rtt_us = 0; ///< the highest; 0: not known
    float cwnd = 0;   ///< the lowest, in segments; 0: not known

    void add(const FlowPart &other);
};

/// What is known of a flow, as far as it was seen.
struct Course {
    Grown grown;
    std::uint64_t least_rtt_us = 0, highest_rtt_us = 0; ///< 0: not known
    WallTime begin = 0, end = 0;
    WallTime known_until = 0; ///< the end of what `series` has
    Series<FlowPart> series{60};
};

/// A connection that had trouble.
struct Troubled {
    Course course;
    std::string local, remote, process, ended, error;
    bool closed = false; ///< its end was seen
};

/// What the flows of a process, a peer or a service came to.
struct Share {
    std::uint64_t connections = 0, sent = 0, received = 0, retransmits = 0, failed = 0, reset = 0;
};

class Tally {
public:
    /// Of flows that match all of `where`. `columns` and `reader` must outlive it.
    Tally(const Columns &columns, const RecordReader &reader, std::vector<Filter> where);

    void take(const Snapshot &snapshot);

    /// After the last snapshot: what is still open counts too.
    void finish();

    /// Whether the records have it; and how connections ended.
    bool knows(Grown::Counter counter) const;
    bool knows_endings() const { return ended_ != nullptr; }
    bool knows_rtt() const { return rtt_ != nullptr; }

    // What it came to, then:
    WallTime begin() const { return begin_; } ///< 0: there was no snapshot
    WallTime end() const { return time_; }
    std::uint64_t connections() const { return connections_; }
    const HostPart &all() const { return all_; }
    const Series<HostPart> &series() const { return series_; }
    using Shares = std::map<std::string, Share>;
    const Shares &processes() const { return processes_; }
    const Shares &peers() const { return peers_; }
    const Shares &services() const { return services_; }
    /// By `ended` and `error`.
    const std::map<std::pair<std::string, std::string>, std::uint64_t> &endings() const { return endings_; }
    /// The worst first.
    const std::vector<Troubled> &worst() const { return worst_; }
    const std::map<std::string, std::uint64_t> &missed() const { return missed_; }

    static constexpr std::size_t most_worst = 20;

private:
    /// A flow that has not ended.
    struct Seen {
        Course course;
        std::size_t row = 0;     ///< in the last snapshot that had it
        std::uint64_t round = 0; ///< which that was
    };

    WallTime tell_time(const Snapshot &snapshot);
    bool follows_gap(const Snapshot &snapshot) const;
    void take_flow(const Row &row, HostPart &part);
    void pass_by(const Row &row);
    void go_on(Course &course, const FlowPart &part) const;
    void rest_until(Course &course, WallTime time) const;
    void finish_flow(const Row &row, Course &course, bool ended);
    void finish_unseen();
    Grown growth(const Row &row, const Seen *seen) const;
    std::string service(const Row &row) const;
    void keep_if_bad(const Row &row, const Course &course, bool ended);

    std::vector<Filter> where_;
    std::array<const Column *, Grown::counters> counters_{};
    const Column *rtt_, *least_rtt_, *cwnd_, *comm_, *pid_, *local_, *remote_, *daddr_, *sport_, *dport_, *role_,
        *ended_, *error_;
    const KnownPlaces &places_;

    Snapshot last_;
    std::uint64_t round_ = 0;
    WallTime begin_ = 0, time_ = 0;
    WallTime elapsed_ = 0;     ///< since the snapshot before; 0: nothing is known of that time
    WallTime blank_until_ = 0; ///< the end of the last time of which nothing is known
    std::uint64_t connections_ = 0;
    HostPart all_;
    Series<HostPart> series_{240};
    std::unordered_map<std::uint64_t, Seen> seen_; ///< by Flow::id
    Shares processes_, peers_, services_;
    std::map<std::pair<std::string, std::string>, std::uint64_t> endings_;
    std::vector<Troubled> worst_;
    std::map<std::string, std::uint64_t> missed_;
};

} // namespace tcp_stats
