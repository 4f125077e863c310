// Groups of flows: which there are, what they come to together, and how their columns are called.
#include "view/groups.h"

#include <fmt/format.h>

#include "output/human.h"
#include "table.h"
#include "test.h"
#include "view/view.h"

using namespace tcp_stats;

namespace {

const Table &table() {
    static const auto made = Table::of_connections({{"rtt_us", "unsigned int"},
                                                    {"cwnd", "unsigned int"},
                                                    {"comm", "char 16"},
                                                    {"netns", "unsigned int"},
                                                    {"min_rtt_us", "unsigned int"},
                                                    {"cwnd_limited", "unsigned char"},
                                                    {"last_seen_ns", "unsigned long long"},
                                                    {"busy_us", "unsigned long long"},
                                                    {"rwnd_limited_us", "unsigned long long"},
                                                    {"pacing_rate", "unsigned long long"},
                                                    {"debt", "int"},
                                                    {"queue", "unsigned int"},
                                                    {"wait", "unsigned int"},
                                                    {"level", "unsigned int"},
                                                    {"mac", "unsigned char 2"}});
    return made;
}

const Columns &columns() {
    static const auto made = table().columns({{"debt", "events", ""}, {"queue", "bytes", ""}, {"wait", "ms", ""}});
    return made;
}

/// Flows, as a snapshot has them.
class Made {
public:
    /// 10.0.0.1:443 -> `remote`:50000, established, without a minimal RTT; `change` gives it the rest.
    Made &add(
        const std::function<void(Table::Maker &)> &change = [](Table::Maker &) {}, const char *remote = "10.0.0.2",
        int family = AF_INET) {
        auto record = table().record();
        record.ends(family, family == AF_INET ? "10.0.0.1" : "::ffff:10.0.0.1", 443, remote, 50000);
        record.set("min_rtt_us", 0xffffffff);
        change(record);
        flows_.push_back({record, std::nullopt, false});
        return *this;
    }
    Made &add(const char *name, std::uint64_t value) {
        return add([&](Table::Maker &record) { record.set(name, value); });
    }
    /// Of the flow that came last: a second before, this was less.
    Made &before(const char *name, std::uint64_t value) {
        auto &flow = flows_.back();
        if (!flow.before) {
            flow.before.emplace(flow.now);
        }
        flow.before->set(name, value);
        return *this;
    }
    Made &closed() {
        flows_.back().closed = true;
        return *this;
    }
    /// A second after another.
    Snapshot snapshot() const {
        std::shared_ptr<Records> live, closed, before;
        Snapshot made;
        made.before_time_ns = 1'000'000'000;
        made.time_ns = 2'000'000'000;
        for (const bool wanted : {false, true}) {
            for (const auto &flow : flows_) {
                if (flow.closed != wanted) {
                    continue;
                }
                auto &records = wanted ? closed : live;
                Table::add(records, made.flows.size(), flow.now);
                made.flows.push_back({made.flows.size() + 1, static_cast<std::uint32_t>(records->size() - 1)});
                made.flows.back().closed = wanted;
                made.closed_count += wanted ? 1 : 0;
                if (flow.before) {
                    Table::add(before, made.flows.size(), *flow.before);
                    made.flows.back().before = static_cast<std::uint32_t>(before->size() - 1);
                }
            }
        }
        made.live = live;
        made.closed = closed;
        made.before = before;
        return made;
    }

private:
    struct Flow {
        Table::Maker now;
        std::optional<Table::Maker> before;
        bool closed;
    };
    std::vector<Flow> flows_;
};

Groups groups_by(const std::string &key) {
    const auto parsed = parse_group_key("--group-by", key);
    REQUIRE(parsed.has_value());
    auto groups = Groups::create(*parsed, columns());
    INFO((groups ? std::string() : groups.error().message));
    REQUIRE(groups.has_value());
    return std::move(*groups);
}

std::string text(const Value &value) {
    const auto *real = std::get_if<double>(&value);
    return is_absent(value) ? "-" : real != nullptr ? fmt::format("{:.1f}", *real) : human(value, {});
}

/// The groups' values of these columns: `1 2|3 -`.
std::string shown(const std::string &key, const Made &made, const std::vector<const char *> &names) {
    auto groups = groups_by(key);
    auto snapshot = made.snapshot();
    groups.add_to(snapshot);
    std::string all;
    for (const auto &group : rows_in_view(snapshot, {})) {
        std::string row;
        for (const auto *name : names) {
            const auto *column = groups.columns().find(name);
            INFO(name);
            REQUIRE(column != nullptr);
            row += (row.empty() ? "" : " ") + text(value(*column, group));
        }
        all += (all.empty() ? "" : "|") + row;
    }
    return all;
}

std::string complaint(const std::string &key) {
    const auto parsed = parse_group_key("--group-by", key);
    const auto error = parsed ? Groups::create(*parsed, columns()).error() : parsed.error();
    CHECK(error.kind == ErrorKind::usage);
    if (parsed) { // the same before the program is compiled
        CHECK(Groups::create(*parsed, Columns::expected({{"level", "", ""}})).error().message == error.message);
    }
    return error.message;
}

Made with_round_trips(std::uint64_t count) {
    Made made;
    for (std::uint64_t i = count; i > 0; --i) {
        made.add("rtt_us", 10 * i);
    }
    return made;
}

} // namespace

TEST_CASE("a group has the sum of what its flows count") {
    Made made;
    made.add("bytes_sent", 1000).before("bytes_sent", 999);
    made.add("bytes_sent", 5'000'000'000).before("bytes_sent", 4'999'999'997);
    made.add("busy_us", 70).add("busy_us", 7);
    CHECK(shown("dport", made, {"dport", "flows", "bytes_sum", "retr_sum", "bytes_per_s_sum", "acked_per_s_sum"}) ==
          "50000 4 5000001000 0 4.0 -");
    CHECK(shown("dport", made, {"busy_us_sum"}) == "77");
}

TEST_CASE("a sum may be below zero, and one of flags is the number of flows") {
    Made made;
    made.add("debt", static_cast<std::uint64_t>(-3)).add("debt", 1).add("cwnd_limited", 1).add("cwnd_limited", 1);
    CHECK(shown("dport", made, {"debt_sum", "cwnd_limited_sum"}) == "-2 2");
    CHECK(groups_by("dport").columns().find("cwnd_limited_sum")->unit_name == "flows");
}

TEST_CASE("a percentile is the nearest rank") {
    const std::vector<const char *> names = {"rtt_us_p50", "rtt_us_p95"};
    CHECK(shown("dport", with_round_trips(1), names) == "10 10");
    CHECK(shown("dport", with_round_trips(2), names) == "10 20");
    CHECK(shown("dport", with_round_trips(3), names) == "20 30");
    CHECK(shown("dport", with_round_trips(20), names) == "100 190");
    CHECK(shown("dport", with_round_trips(21), names) == "110 200");
    CHECK(shown("dport", with_round_trips(100), names) == "500 950");
}

TEST_CASE("levels have percentiles, the smallest round-trip time its least, the last event its latest") {
    Made made;
    made.add("cwnd", 10).add("cwnd", 3).add("pacing_rate", 1000).add("pacing_rate", 4000);
    made.add("min_rtt_us", 900).add("min_rtt_us", 70).add("last_seen_ns", 8).add("last_seen_ns", 5);
    CHECK(shown("dport", made, {"cwnd_p50", "cwnd_p95", "min_rtt_us_min", "last_seen_ns_max"}) == "0 10 70 8");
    CHECK(shown("dport", made, {"pacing_rate_p95"}) == "4000");
}

TEST_CASE("flows without a value are passed over, and where none has it there is none") {
    Made made;
    made.add("min_rtt_us", 900).add("rtt_us", 5);
    CHECK(shown("dport", made, {"min_rtt_us_min", "rtt_us_p50", "srtt_us_p50"}) == "900 5 -"); // 0: not measured
    CHECK(shown("dport", Made().add(), {"min_rtt_us_min", "bytes_per_s_sum", "limit_mode", "duration_ms_p50"}) ==
          "- - - -");
}

TEST_CASE("a name is shown where all flows of the group have it") {
    const auto named = [](const char *comm, std::uint64_t netns) {
        return [comm, netns](Table::Maker &record) { record.set("comm", std::string(comm)).set("netns", netns); };
    };
    Made made;
    made.add(named("nginx", 5)).add(named("nginx", 5));
    CHECK(shown("dport", made, {"comm", "netns", "state", "mac"}) == "nginx 5 ESTABLISHED 0000");
    made.add(named("httpd", 0));
    CHECK(shown("dport", made, {"comm", "netns", "state"}) == "- - ESTABLISHED");
}

TEST_CASE("the limit of a group is what limits most of its flows") {
    Made made;
    const auto limited = [&](const char *counter) {
        made.add([&](Table::Maker &record) { record.set("busy_us", 1'000'000).set(counter, 1'000'000); });
        made.before("busy_us", 0).before(counter, 0);
    };
    limited("rwnd_limited_us");
    limited("busy_us");
    CHECK(shown("dport", made, {"limit_mode"}) == "app"); // as many: the first of them
    limited("rwnd_limited_us");
    CHECK(shown("dport", made, {"limit_mode"}) == "rwnd");
    CHECK(shown("limit", made, {"limit", "flows"}) == "rwnd 2|app 1");
}

TEST_CASE("the user's own fields are put together by their unit, those without one by rank") {
    Made made;
    made.add("queue", 3).add("queue", 4).add("wait", 9).add("level", 6);
    CHECK(shown("dport", made, {"queue_sum", "wait_p95", "level_p50", "level_p95"}) == "7 9 0 6");
    CHECK(shown("level", made, {"level", "flows"}) == "0 3|6 1");
    CHECK(shown("queue", made, {"queue", "flows"}) == "0 2|3 1|4 1");
}

TEST_CASE("an IPv4 address in an IPv6 socket counts as the IPv4 address") {
    Made made;
    made.add()
        .add([](Table::Maker &) {}, "::ffff:10.0.0.2", AF_INET6)
        .add([](Table::Maker &) {}, "2001:db8::2", AF_INET6);
    CHECK(shown("daddr", made, {"daddr", "flows", "saddr"}) == "10.0.0.2 2 10.0.0.1|2001:db8::2 1 10.0.0.1");
    CHECK(shown("remote", made, {"remote", "flows"}) == "10.0.0.2:50000 2|[2001:db8::2]:50000 1");
    CHECK(shown("local", made, {"local", "flows"}) == "10.0.0.1:443 3");
}

TEST_CASE("networks have so many bits of an IPv4 address, and so many of an IPv6 one") {
    const auto none = [](Table::Maker &) {};
    Made made;
    made.add(none, "10.1.2.3").add(none, "10.1.3.200").add(none, "10.1.3.7").add(none, "192.0.2.1");
    made.add(none, "::ffff:10.1.3.8", AF_INET6).add(none, "2001:db8::1:0:0:5", AF_INET6);
    made.add(none, "2001:db8:0:0:7::5", AF_INET6).add(none, "2001:db8:0:9::5", AF_INET6);
    const std::vector<const char *> names = {"daddr", "flows"};
    CHECK(shown("daddr/24", made, names) ==
          "10.1.3.0/24 3|2001:db8::/64 2|10.1.2.0/24 1|192.0.2.0/24 1|2001:db8:0:9::/64 1");
    CHECK(shown("daddr/23/48", made, names) == "10.1.2.0/23 4|2001:db8::/48 3|192.0.2.0/23 1");
    CHECK(shown("daddr/0/0", made, names) == "0.0.0.0/0 5|::/0 3");
    CHECK(shown("daddr/32/128", Made().add(), names) == "10.0.0.2/32 1");
    CHECK(shown("daddr/31/128", Made().add(none, "10.0.0.3"), names) == "10.0.0.2/31 1");
    CHECK(groups_by("daddr/24").key() == "daddr/24/64");
    CHECK(groups_by("last_state").key() == "state");
}

TEST_CASE("closed flows count in their group, apart from open ones") {
    Made made;
    made.add("bytes_sent", 5).add("bytes_sent", 6).closed();
    CHECK(shown("dport", made, {"flows", "closed", "bytes_sum"}) == "1 1 11");
}

TEST_CASE("the group with most open flows comes first, and each keeps its number while it is there") {
    auto groups = groups_by("netns");
    const auto numbers = [&](const std::vector<std::uint64_t> &of) {
        Made made;
        for (const auto netns : of) {
            made.add("netns", netns);
        }
        std::string all;
        auto snapshot = made.snapshot();
        groups.add_to(snapshot);
        for (const auto &group : rows_in_view(snapshot, {})) {
            all += fmt::format("{}:{} ", text(value(groups.columns().all().front(), group)), group.id());
            CHECK_FALSE(group.closed());
        }
        return all;
    };
    CHECK(numbers({7, 5, 7}) == "7:2 5:1 ");
    CHECK(numbers({5, 5, 0, 7}) == "5:1 7:2 -:3 "); // 0: not known
    CHECK(numbers({7}) == "7:2 ");
    CHECK(numbers({5, 7}) == "7:2 5:4 ");
    CHECK(numbers({}).empty());
}

TEST_CASE("a field's own name stands for all its columns, or the first") {
    const auto groups = groups_by("dport");
    const auto meant = [&](const char *name) {
        const auto found = groups.columns().require_all("--columns", name);
        std::string names;
        for (const auto *column : found ? *found : std::vector<const Column *>()) {
            names += (names.empty() ? "" : ",") + column->name;
        }
        return found ? names : found.error().message;
    };
    CHECK(meant("bytes") == "bytes_sum");
    CHECK(meant("bytes_sent") == "bytes_sum");
    CHECK(meant("rtt_us") == "rtt_us_p50,rtt_us_p95");
    CHECK(meant("rtt_us_p95") == "rtt_us_p95");
    CHECK(meant("level") == "level_p50,level_p95");
    CHECK(meant("dport") == "dport");
    CHECK(meant("comm") == "comm");
    CHECK(meant("limit") == "limit_mode");
    CHECK((*groups.columns().require("--sort", "rtt_us"))->name == "rtt_us_p50");
    CHECK(meant("rtt_us_p59") ==
          "--columns: there is no field rtt_us_p59; did you mean rtt_us_p50? --list-fields lists them");
    CHECK(meant("timeouts") == "--columns: the program has no field timeouts here: it needs another kernel, an option, "
                               "or is not in --src; --list-fields says more");
    CHECK(columns().require_all("--columns", "rtt_us")->size() == 1);
}

TEST_CASE("a condition is one of flows, order and number are those of groups") {
    const ConditionText where = {"--where", "bytes < 100"};
    const auto condition = parse_condition(where);
    REQUIRE(condition.has_value());
    auto groups = groups_by("daddr/24");
    View view;
    view.order = {*groups.columns().require("--sort", "bytes"), true};
    view.top = 2;
    Made made;
    const auto add = [&](const char *remote, std::uint64_t bytes) {
        made.add([&](Table::Maker &record) { record.set("bytes_sent", bytes); }, remote);
    };
    add("10.0.1.1", 99);
    add("10.0.1.2", 100);
    add("10.0.2.1", 60);
    add("10.0.2.2", 61);
    add("10.0.3.1", 3);
    auto snapshot = made.snapshot();
    groups.add_to(snapshot, {*Filter::create(where, *condition, columns())});
    CHECK(snapshot.rows() == 3);
    std::string all;
    for (const auto &group : rows_in_view(snapshot, view)) {
        all += text(value(groups.columns().all().front(), group)) + " " + text(value(*view.order.column, group)) + "|";
    }
    CHECK(all == "10.0.2.0/24 121|10.0.1.0/24 99|");
}

TEST_CASE("a key that makes no sense is refused with what is accepted") {
    CHECK(complaint("dprt") == "--group-by: there is no field dprt; did you mean dport? --list-fields lists them");
    CHECK(complaint("bytes") == "--group-by bytes: that measures something, and flows with the same value have nothing "
                                "in common; group by what names something, as daddr, dport, comm, cgroup_path, netns");
    CHECK(complaint("rtt_us").starts_with("--group-by rtt_us: that measures something"));
    CHECK(complaint("cwnd").starts_with("--group-by cwnd: that measures something"));
    CHECK(complaint("min_rtt_us").starts_with("--group-by min_rtt_us: that measures something"));
    CHECK(complaint("dport/8") ==
          "--group-by dport/8: dport is no address; networks are of saddr or daddr, as daddr/24");
    CHECK(complaint("level/8/8") ==
          "--group-by level/8/8: level is no address; networks are of saddr or daddr, as daddr/24");
    for (const std::string key : {"daddr/33", "daddr/", "daddr/x", "daddr/24/129", "daddr/24/", "daddr/24/64/1",
                                  "daddr/-1", "daddr/ 24", "daddr/4294967320"}) {
        CHECK(complaint(key) == "--group-by " + key +
                                    ": a network has 0 to 32 bits of an IPv4 address, and behind another / 0 to 128 of "
                                    "an IPv6 one, as daddr/24/64");
    }
    for (const std::string key : {"", "/24"}) {
        CHECK(complaint(key) == "--group-by " + key +
                                    ": it accepts the name of a field, or of an address and the length of networks, as "
                                    "daddr/24 or daddr/24/64");
    }
    const Columns taken(std::vector<Column>{{.name = "flows", .field = nullptr}});
    CHECK(Groups::create({"--group-by", "flows"}, taken).error().message ==
          "--group-by flows: groups would have two columns flows; give that field another name in --field or --src");
}

TEST_CASE("flags, names and the user's own fields can be keys, before the program is compiled too") {
    for (const std::string key : {"cwnd_limited", "state", "pid", "ca", "role", "limit", "comm", "cgroup",
                                  "cgroup_path", "netns", "saddr/8", "sport", "local", "closed_from"}) {
        INFO(key);
        CHECK(Groups::create(*parse_group_key("--group-by", key), Columns::expected({})).has_value());
    }
    CHECK(Groups::create(*parse_group_key("--group-by", "mine"), Columns::expected({{"mine", "us", ""}})).has_value());
    CHECK_FALSE(Groups::create(*parse_group_key("--group-by", "first_seen_ns"), Columns::expected({})).has_value());
}

TEST_CASE("columns of groups are known before the program is compiled") {
    const auto expected = Columns::expected({{"x", "", ""}, {"y_sum", "", ""}});
    const auto groups = Groups::create(*parse_group_key("--group-by", "dport"), expected);
    REQUIRE(groups.has_value());
    for (const auto *name : {"bytes", "bytes_sum", "bytes_sent", "rtt_us_p95", "flows", "closed", "comm", "x", "x_p50",
                             "y_sum", "y_sum_p50", "acceptq_max", "acceptq_max_sum"}) {
        INFO(name);
        CHECK(groups->columns().require("--columns", name).has_value());
    }
    CHECK(groups->columns().require("--sort", "bites_sum").error().message ==
          "--sort: there is no field bites_sum; did you mean bytes_sum? --list-fields lists them");
}
