#include "snapshot/history.h"

#include <algorithm>
#include <map>
#include <random>

#include "table.h"
#include "test.h"

using namespace tcp_stats;

namespace {

constexpr std::uint64_t second = 1'000'000'000;

const Table &table() {
    static const Table made({{"saddr", "unsigned int"},
                             {"sport", "unsigned short"},
                             {"dport", "unsigned short"},
                             {"proto", "unsigned char"},
                             {"bytes_sent", "unsigned long long"},
                             {"retransmits", "unsigned long long"},
                             {"first_seen_ns", "unsigned long long"},
                             {"opened_ns", "unsigned long long"},
                             {"sampled_ns", "unsigned long long"},
                             {"closed_ns", "unsigned long long"},
                             {"netns", "unsigned int"},
                             {"last_state", "unsigned int"},
                             {"cgroup", "unsigned long long"},
                             {"busy_us", "unsigned long long"},
                             {"rwnd_limited_us", "unsigned long long"},
                             {"sndbuf_limited_us", "unsigned long long"},
                             {"recovery_us", "unsigned long long"},
                             {"notsent", "unsigned int"},
                             {"mss", "unsigned int"},
                             {"cwnd_limited", "unsigned char"},
                             {"sndbuf_full", "unsigned char"}});
    return made;
}

/// A connection first seen at 1 s, sampled at `sampled` seconds.
Table::Maker connection(double sampled, std::uint64_t bytes = 0) {
    auto record = table().record();
    record.set("proto", 6).set("sport", 1000).set("netns", 1).set("first_seen_ns", second).set("bytes_sent", bytes);
    return record.set("sampled_ns", static_cast<std::uint64_t>(sampled * second));
}

Reading reading_at(double time) {
    Reading reading;
    reading.time_ns = static_cast<std::uint64_t>(time * second);
    reading.walked_netns = {1};
    return reading;
}

Reading reading_of(double time, std::uint64_t sock, const Table::Maker &record) {
    auto reading = reading_at(time);
    Table::add(reading.live, sock, record);
    return reading;
}

History history() { return History(table().reader()); }

/// Of the first flow.
Value derived(const Snapshot &snapshot, std::string_view name) {
    static const std::string no_path;
    static const std::string path = "/shop";
    static const Columns columns(table().reader(),
                                 [](std::uint64_t id) -> const std::string & { return id == 5 ? path : no_path; });
    REQUIRE_FALSE(snapshot.flows.empty());
    return value(*columns.find(name), {&snapshot, 0});
}

const Value absent;

Value limited_by(Limit limit) { return Word{Naming::limit, static_cast<std::uint64_t>(limit)}; }

} // namespace

TEST_CASE("a rate is over the time between two samples, not between two readings") {
    auto past = history();
    CHECK(derived(past.next(reading_of(2, 7, connection(2.125, 1000))), "bytes_per_s") == absent);
    const auto snapshot = past.next(reading_of(3, 7, connection(4.125, 5000)));
    CHECK(derived(snapshot, "bytes_per_s") == Value(2000.0));
    CHECK(derived(snapshot, "retr_per_s") == Value(0.0));
    CHECK(derived(snapshot, "pkts_per_s") == absent);
}

TEST_CASE("a counter that went backwards has no rate, nor has a record that was not sampled again") {
    auto past = history();
    past.next(reading_of(2, 7, connection(2.1, 1000)));
    CHECK(derived(past.next(reading_of(3, 7, connection(3.1, 999))), "bytes_per_s") == absent);
    CHECK(derived(past.next(reading_of(4, 7, connection(3.1, 2000))), "bytes_per_s") == absent);
}

TEST_CASE("another connection at the same address inherits no rate") {
    auto past = history();
    past.next(reading_of(2, 7, connection(2.1, 1000)));
    auto other = connection(3.1, 5000);
    other.set("first_seen_ns", 2 * second + 1);
    CHECK(derived(past.next(reading_of(3, 7, other)), "bytes_per_s") == absent);
}

TEST_CASE("a closed flow is shown once, with the rate of its last stretch and its duration") {
    auto past = history();
    past.next(reading_of(2, 7, connection(2, 1000)));
    auto reading = reading_at(3);
    auto last = connection(2.5, 2000);
    last.set("opened_ns", second).set("closed_ns", second * 5 / 2);
    Table::add(reading.closed, 7, last);
    const auto snapshot = past.next(std::move(reading));
    REQUIRE(snapshot.flows.size() == 1);
    CHECK(derived(snapshot, "bytes_per_s") == Value(2000.0));
    CHECK(derived(snapshot, "duration_ms") == Value(std::uint64_t(1500)));
    CHECK(past.next(reading_at(4)).flows.empty());
}

TEST_CASE("a flow that closed after the table was read is shown as closed only") {
    auto past = history();
    auto reading = reading_of(2, 7, connection(2.1, 1000));
    Table::add(reading.closed, 7, connection(2.2, 1100));
    const auto snapshot = past.next(std::move(reading));
    CHECK(snapshot.flows.size() == 1);
    CHECK(past.gone().empty());
}

TEST_CASE("a record that a walk made of a closing socket is left out and removed") {
    auto past = history();
    auto ghost = connection(2.1, 1000);
    ghost.set("first_seen_ns", 2 * second + 1);
    auto reading = reading_of(2, 7, ghost);
    Table::add(reading.closed, 7, connection(2.1, 1000));
    const auto snapshot = past.next(std::move(reading));
    CHECK(snapshot.flows.size() == 1);
    REQUIRE(past.gone().size() == 1);
    CHECK(past.gone()[0].sock == 7);
    CHECK(past.gone()[0].first_seen_ns == 2 * second + 1);
}

TEST_CASE("a new connection at the address of a closed one is kept, with the same ends too if its opening was seen") {
    for (const bool same_ends : {false, true}) {
        auto past = history();
        auto fresh = connection(2.1, 10);
        fresh.set("first_seen_ns", 2 * second + 1).set("sport", same_ends ? 1000 : 1001);
        fresh.set("opened_ns", same_ends ? 2 * second + 1 : 0);
        auto reading = reading_of(2, 7, fresh);
        Table::add(reading.closed, 7, connection(2.1, 1000));
        const auto snapshot = past.next(std::move(reading));
        CHECK(snapshot.flows.size() == 2);
        CHECK(past.gone().empty());
    }
}

TEST_CASE("a record that two walks did not come by is stale; one in a namespace that was not walked is not") {
    auto past = history();
    past.next(reading_of(2, 7, connection(2.1)));
    CHECK(past.next(reading_of(3, 7, connection(2.1))).flows.size() == 1);
    const auto snapshot = past.next(reading_of(4, 7, connection(2.1)));
    CHECK(snapshot.flows.empty());
    CHECK(snapshot.missed == std::vector<Count>{{"stale", 1}});
    REQUIRE(past.gone().size() == 1);
    CHECK(past.gone()[0].sock == 7);

    auto elsewhere = history();
    for (const double time : {2.0, 3.0, 4.0, 5.0}) {
        auto record = connection(1.5);
        const auto shown = elsewhere.next(reading_of(time, 7, record.set("netns", 2)));
        CHECK(shown.flows.size() == 1);
        CHECK(shown.missed == std::vector<Count>{{"unwalked", 1}});
    }
}

TEST_CASE("a flow that comes back to the walk is no longer suspect") {
    auto past = history();
    past.next(reading_of(2, 7, connection(2.1)));
    past.next(reading_of(3, 7, connection(2.1)));
    past.next(reading_of(4, 7, connection(4.1)));
    CHECK(past.next(reading_of(5, 7, connection(4.1))).flows.size() == 1);
}

TEST_CASE("a flow born after the walk is not taken for one that it missed") {
    auto past = history();
    for (const double time : {0.5, 0.6, 0.7}) {
        const auto snapshot = past.next(reading_of(time, 7, connection(0.1)));
        CHECK(snapshot.flows.size() == 1);
        CHECK(snapshot.missed.empty());
    }
}

TEST_CASE("a record whose counters nobody has sampled yet is neither shown nor missed") {
    auto past = history();
    const auto snapshot = past.next(reading_of(0.5, 7, connection(0)));
    CHECK(snapshot.flows.empty());
    CHECK(snapshot.missed.empty());
}

TEST_CASE("without walks nothing is stale") {
    auto past = history();
    for (const double time : {2.0, 3.0, 4.0, 5.0}) {
        auto reading = reading_of(time, 7, connection(1.5));
        reading.walked_netns.clear();
        const auto snapshot = past.next(std::move(reading));
        CHECK(snapshot.flows.size() == 1);
        CHECK(snapshot.missed.empty());
    }
}

TEST_CASE("a record that is just being made is neither shown nor missed") {
    auto past = history();
    past.next(reading_at(1));
    const auto snapshot = past.next(reading_of(2, 7, table().record()));
    CHECK(snapshot.flows.empty());
    CHECK(snapshot.missed.empty());
}

TEST_CASE("a record that is done and could not be removed is not shown, and is removed") {
    auto past = history();
    const auto done = connection(1).set("first_seen_ns", 0).set("last_state", 7);
    CHECK(past.next(reading_of(2, 7, done)).rows() == 0);
    REQUIRE(past.gone().size() == 1);
    CHECK(past.gone()[0].sock == 7);
    CHECK(past.gone()[0].first_seen_ns == 0);
}

TEST_CASE("a record without an address is not shown, and counted when it stays so") {
    auto past = history();
    auto record = connection(2.1);
    record.set("proto", 0).set("first_seen_ns", second * 3 / 2);
    past.next(reading_at(1));
    const auto first = past.next(reading_of(2, 7, record));
    CHECK(first.flows.empty());
    CHECK(first.missed.empty());
    record.set("sampled_ns", 3 * second);
    CHECK(past.next(reading_of(3, 7, record)).missed == std::vector<Count>{{"incomplete", 1}});
}

TEST_CASE("what was missed is said by what it grew, and the first walk's finds are no loss") {
    auto past = history();
    const auto missed = [&](std::vector<Count> counts) {
        auto reading = reading_at(2);
        reading.missed = std::move(counts);
        return past.next(std::move(reading)).missed;
    };
    CHECK(missed({{"found_by_walk", 500}, {"closed_lost", 0}, {"untracked", 4}, {"unrecorded", 3}}) ==
          std::vector<Count>{{"untracked", 4}});
    CHECK(missed({{"found_by_walk", 500}, {"closed_lost", 3}, {"untracked", 4}}) ==
          std::vector<Count>{{"closed_lost", 3}});
    CHECK(missed({{"found_by_walk", 501}, {"closed_lost", 3}, {"untracked", 4}}) ==
          std::vector<Count>{{"found_by_walk", 1}});
    // A flow that had no room before is found when there is some.
    CHECK(missed({{"found_by_walk", 501}, {"closed_lost", 3}, {"untracked", 6}}) ==
          std::vector<Count>{{"untracked", 2}});
    CHECK(missed({{"found_by_walk", 503}, {"closed_lost", 3}, {"untracked", 6}}).empty());
}

TEST_CASE("the path of the cgroup is there while it has one, the duration where the opening was seen") {
    auto past = history();
    auto record = connection(3);
    record.set("cgroup", 5);
    auto snapshot = past.next(reading_of(3, 7, record));
    CHECK(derived(snapshot, "cgroup_path") == Value(std::string_view("/shop")));
    CHECK(derived(snapshot, "duration_ms") == absent);
    record.set("cgroup", 6).set("opened_ns", second);
    snapshot = past.next(reading_of(3, 8, record));
    CHECK(derived(snapshot, "cgroup_path") == absent);
    CHECK(derived(snapshot, "duration_ms") == Value(std::uint64_t(2000)));
}

TEST_CASE("what limited a flow is said with its share, and each share") {
    auto past = history();
    past.next(reading_of(2, 7, connection(2, 0)));
    auto record = connection(3, 1000);
    record.set("busy_us", 900000).set("rwnd_limited_us", 600000).set("recovery_us", 100000).set("cwnd_limited", 1);
    const auto snapshot = past.next(reading_of(3, 7, record));
    CHECK(derived(snapshot, "limit") == limited_by(Limit::rwnd));
    const std::pair<const char *, std::uint64_t> shares[] = {{"limit_pct", 60}, {"app_pct", 10},   {"cwnd_pct", 20},
                                                             {"rwnd_pct", 60},  {"sndbuf_pct", 0}, {"loss_pct", 10}};
    for (const auto &[name, share] : shares) {
        CHECK(derived(snapshot, name) == Value(share));
    }
}

TEST_CASE("data held back without a reason of its own is the congestion control's, a full buffer with nothing unsent "
          "its own") {
    const auto limit_of = [](std::uint64_t notsent, std::uint64_t sndbuf_full) {
        auto past = history();
        past.next(reading_of(2, 7, connection(2)));
        auto record = connection(3, 1000);
        record.set("busy_us", 1000000).set("mss", 1448).set("notsent", notsent).set("sndbuf_full", sndbuf_full);
        return derived(past.next(reading_of(3, 7, record)), "limit");
    };
    CHECK(limit_of(1448, 1) == limited_by(Limit::cwnd));
    CHECK(limit_of(1447, 0) == limited_by(Limit::app));
    CHECK(limit_of(0, 1) == limited_by(Limit::sndbuf));
    CHECK(limit_of(0, 0) == limited_by(Limit::app));
}

TEST_CASE("without first_seen_ns a closed flow is told from a new one at its address by its ends") {
    const Table own({{"sport", "unsigned short"}, {"mine", "unsigned int"}});
    for (const std::uint64_t port : {1000U, 1001U}) {
        History past(own.reader());
        Reading reading;
        Table::add(reading.live, 7, own.record().set("sport", port));
        Table::add(reading.closed, 7, own.record().set("sport", 1000));
        CHECK(past.next(std::move(reading)).flows.size() == (port == 1000 ? 1 : 2));
    }
}

TEST_CASE("a program with fields of its own only has rates of what it has, by the readings' times") {
    const Table own({{"bytes_sent", "unsigned int"}, {"mine", "unsigned int"}});
    History past(own.reader());
    const auto columns = own.columns();
    for (const std::uint64_t bytes : {1000U, 3000U}) {
        Reading reading;
        reading.time_ns = bytes * 1'000'000;
        Table::add(reading.live, 7, own.record().set("bytes_sent", bytes));
        const auto snapshot = past.next(std::move(reading));
        const Row row{&snapshot, 0};
        CHECK(value(*columns.find("bytes_per_s"), row) == (bytes == 1000 ? absent : Value(1000.0)));
        CHECK(value(*columns.find("limit"), row) == absent);
    }
}

TEST_CASE("over many snapshots each flow keeps its number and finds its record before") {
    struct Known {
        std::uint64_t first_seen, id;
        std::uint64_t bytes;
    };
    auto past = history();
    std::mt19937_64 dice(1);
    std::map<std::uint64_t, Known> known; // by sock
    for (std::uint64_t second_number = 2; second_number < 60; ++second_number) {
        std::vector<std::uint64_t> socks;
        for (std::uint64_t sock = 1; sock <= 300; ++sock) {
            if (dice() % 3 != 0) {
                socks.push_back(0xffff888000000000 + sock * 0x900);
            }
        }
        std::shuffle(socks.begin(), socks.end(), dice);
        Reading reading = reading_at(static_cast<double>(second_number));
        std::map<std::uint64_t, Known> now;
        for (const auto sock : socks) {
            const auto before = known.find(sock);
            const bool another = before == known.end() || dice() % 10 == 0;
            const auto first_seen = another ? second + dice() % 1000 : before->second.first_seen;
            now[sock] = {
                first_seen,
                !another || (before != known.end() && before->second.first_seen == first_seen) ? before->second.id : 0,
                dice() % 1000};
            auto record = connection(static_cast<double>(second_number), now[sock].bytes);
            Table::add(reading.live, sock, record.set("first_seen_ns", first_seen));
        }
        const auto snapshot = past.next(std::move(reading));
        REQUIRE(snapshot.flows.size() == socks.size());
        for (std::size_t i = 0; i < socks.size(); ++i) {
            const Row row{&snapshot, i};
            auto &expected = now[socks[i]];
            REQUIRE(row.sock() == socks[i]);
            REQUIRE(row.has_before() == (expected.id != 0));
            if (expected.id != 0) {
                REQUIRE(row.id() == expected.id);
                REQUIRE(RecordReader::number(row.before(), table().reader().places().bytes_sent) ==
                        known[socks[i]].bytes);
            } else {
                for (const auto &[sock, other] : known) {
                    REQUIRE(other.id != row.id());
                }
            }
            expected.id = row.id();
        }
        known = std::move(now);
    }
}

TEST_CASE("a snapshot can be copied and kept, and shows the same later") {
    auto past = history();
    past.next(reading_of(2, 7, connection(2, 1000)));
    const auto kept = Snapshot(past.next(reading_of(3, 7, connection(3, 3000))));
    for (const double time : {4.0, 5.0, 6.0}) {
        past.next(reading_of(time, 7, connection(time, 99)));
    }
    CHECK(derived(kept, "bytes_per_s") == Value(2000.0));
}
