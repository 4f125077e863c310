// What a report counts, and that nothing gets out of its page.
#include "report/report.h"

#include <limits>
#include <random>

#include "recording.h"
#include "report/plot.h"
#include "report/verdict.h"

using namespace recording_test;

namespace {

std::string page(const Tally &tally, const ReportOrigin &origin = {"shop", "6.1.0", ""}) {
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    write_report(tally, origin, sink);
    sink.flush();
    return text;
}

bool contains(const std::string &text, std::string_view part) { return text.find(part) != std::string::npos; }

std::uint64_t sum(const Tally::Shares &shares, std::uint64_t Share::*number) {
    std::uint64_t sum = 0;
    for (const auto &[name, share] : shares) {
        sum += share.*number;
    }
    return sum;
}

} // namespace

TEST_CASE("a report of a recording counts what SQL counts") {
    const TemporaryDirectory directory;
    Traffic traffic(40);
    {
        auto made = recorder(directory.file());
        recorded(**made, traffic, 300);
    }
    auto recording = Recording::open(directory.file()).value();
    auto replay = Replay::create(*recording, {}).value();
    const Columns columns(recording->reader(), cgroup_path, recording->own_fields());
    Tally tally(columns, recording->reader(), {});
    while (const auto snapshot = replay->next().value()) {
        tally.take(*snapshot);
    }
    tally.finish();
    const auto in_sql = [&](const std::string &query) {
        return static_cast<std::uint64_t>(number(directory.file(), query));
    };
    CHECK(tally.connections() == in_sql("SELECT count(*) FROM flows"));
    std::uint64_t ended = 0;
    for (const auto &[how, count] : tally.endings()) {
        const auto &[word, error] = how;
        CHECK(count ==
              in_sql("SELECT count(*) FROM flows WHERE closed IS NOT NULL AND ended = '" + word +
                     "' AND coalesce(error, '') IN ('" + error + "', '" + (error.empty() ? "0" : error) + "')"));
        ended += count;
    }
    CHECK(ended == in_sql("SELECT count(*) FROM flows WHERE closed IS NOT NULL"));
    CHECK(tally.all().reset == in_sql("SELECT count(*) FROM flows WHERE ended LIKE 'reset%' OR ended = 'aborted'"));
    CHECK(tally.all().failed ==
          in_sql("SELECT count(*) FROM flows WHERE ended LIKE 'connect_%' OR ended IN ('refused', 'unreachable')"));
    CHECK(tally.all().grown[Grown::retransmits] == in_sql("SELECT sum(retransmits) FROM snapshots"));
    for (const auto *shares : {&tally.processes(), &tally.peers(), &tally.services()}) {
        CHECK(sum(*shares, &Share::connections) == tally.connections());
        CHECK(sum(*shares, &Share::sent) == tally.all().grown[Grown::sent]);
        CHECK(sum(*shares, &Share::retransmits) == tally.all().grown[Grown::retransmits]);
    }
    std::uint64_t of_series = 0;
    for (const auto &[begin, part] : tally.series().stretches()) {
        of_series += part.grown[Grown::sent];
    }
    CHECK(of_series <= tally.all().grown[Grown::sent]);
    CHECK(of_series > tally.all().grown[Grown::sent] / 100 * 99); // all but the first snapshot
    REQUIRE(tally.worst().size() == Tally::most_worst);
    for (std::size_t i = 1; i < tally.worst().size(); ++i) {
        CHECK(tally.worst()[i - 1].course.grown[Grown::retransmits] >=
              tally.worst()[i].course.grown[Grown::retransmits]);
    }
    CHECK(tally.missed().at("probe_missed") == 300 / 7);
}

namespace {

/// One connection, told second by second.
class Told {
public:
    explicit Told(std::vector<Filter> where = {}) : tally(columns_, table().reader(), std::move(where)) {}

    /// It has sent so much in all. `after_gap`: the snapshot before it was not recorded.
    Told &sent(std::uint64_t bytes, bool after_gap = false) {
        ++second_;
        Reading reading;
        reading.time_ns = second_ * second;
        auto record = table().record().ends(AF_INET, "10.0.0.1", 80, "10.0.0.2", 5000);
        record.set("bytes_sent", bytes).set("retransmits", bytes / 1000).set("srtt_us", 80'000).set("opened_ns", 1);
        Table::add(reading.live, 1, record.set("first_seen_ns", 1).set("sampled_ns", reading.time_ns));
        auto snapshot = history_.next(std::move(reading));
        snapshot.time = std::chrono::system_clock::time_point(
            std::chrono::nanoseconds(noon + static_cast<std::int64_t>(second_ * second)));
        if (after_gap) {
            snapshot.flows.front().before = Flow::none;
        }
        tally.take(snapshot);
        return *this;
    }
    const Course &course() {
        tally.finish();
        REQUIRE(tally.worst().size() == 1);
        return tally.worst().front().course;
    }

private:
    Columns columns_ = table().columns();
    History history_{table().reader()};
    std::uint64_t second_ = 0;

public:
    Tally tally;
};

} // namespace

TEST_CASE("what a connection sent before the first snapshot is nothing of a report's") {
    Told told;
    told.sent(1'000'000).sent(1'002'000);
    CHECK(told.course().grown[Grown::sent] == 2000);
    CHECK(told.tally.all().grown[Grown::retransmits] == 2);
    CHECK(told.tally.all().opened == 0);
}

TEST_CASE("a connection's rate is over the time in which it did nothing, too") {
    Told told;
    told.sent(0);
    for (std::uint64_t minute = 1; minute <= 200; ++minute) {
        for (int i = 0; i < 59; ++i) {
            told.sent((minute - 1) * 60'000);
        }
        told.sent(minute * 60'000);
    }
    told.sent(200 * 60'000);
    const auto &series = told.course().series;
    double seconds = 0, bytes = 0;
    for (const auto &[begin, part] : series.stretches()) {
        seconds += part.seconds;
        bytes += part.sent;
        const bool is_whole = &part != &series.stretches().back().part;
        CHECK((!is_whole || part.sent / part.seconds < 1500)); // 1000 a second, as far as stretches and minutes meet
    }
    CHECK(seconds == Approx(200 * 60 + 1));
    CHECK(bytes == Approx(200 * 60'000));
}

TEST_CASE("a gap is a gap in a report's curves, and its sums have what was counted meanwhile") {
    Told told;
    told.sent(0).sent(2000).sent(4000).sent(90'000, true).sent(92'000);
    const auto &course = told.course();
    CHECK(course.grown[Grown::sent] == 92'000);
    CHECK(told.tally.all().grown[Grown::sent] == 92'000);
    for (const auto &series : {told.tally.series()}) {
        REQUIRE(series.stretches().size() == 3);
        CHECK(series.stretches()[2].begin - series.stretches()[1].begin == 2 * std::int64_t(second));
    }
    REQUIRE(course.series.stretches().size() == 3);
    for (const auto &[begin, part] : course.series.stretches()) {
        CHECK(part.sent == 2000);
    }
}

TEST_CASE("a connection that follows on another is no gap") {
    const auto columns = table().columns();
    Tally tally(columns, table().reader(), {});
    History history(table().reader());
    for (std::uint64_t i = 1; i < 6; ++i) {
        Reading reading;
        reading.time_ns = i * second;
        const auto record = [&](std::uint64_t began) {
            auto made = table().record().ends(AF_INET, "10.0.0.1", 80, "10.0.0.2", 5000);
            made.set("bytes_sent", 1000).set("first_seen_ns", began * second - 1).set("opened_ns", began * second - 1);
            return made.set("sampled_ns", i * second);
        };
        Table::add(reading.live, i, record(i));
        if (i > 1) {
            Table::add(reading.closed, i - 1, record(i - 1).set("ended", 1).set("last_state", 7));
        }
        tally.take(history.next(std::move(reading)));
    }
    tally.finish();
    CHECK(tally.all().opened == 4); // what was open in the first snapshot is older
    CHECK(tally.all().grown[Grown::sent] == 4000);
    CHECK(tally.series().stretches().size() == 4);
}

TEST_CASE("a connection that meets a report's conditions at times is one, and counts in these times") {
    const auto columns = table().columns();
    const ConditionText text{"--where", "bytes_per_s > 1500"};
    Told told({Filter::create(text, parse_condition(text).value(), columns).value()});
    told.sent(0).sent(2000).sent(2100).sent(4100).sent(4200).sent(6200);
    CHECK(told.course().grown[Grown::sent] == 6000);
    CHECK(told.tally.connections() == 1);
    CHECK(told.tally.peers().at("10.0.0.2").connections == 1);
}

TEST_CASE("who fails most is named, though others have more bytes") {
    const auto columns = table().columns();
    Tally tally(columns, table().reader(), {});
    History history(table().reader());
    for (std::uint64_t i = 1; i < 3; ++i) {
        Reading reading;
        reading.time_ns = i * second;
        for (std::uint64_t peer = 1; peer <= 30; ++peer) {
            const auto address = "10.0.0." + std::to_string(peer);
            auto record = table().record().ends(AF_INET, "10.0.1.1", 80, address.c_str(), 5000);
            record.set("bytes_sent", i * peer * 1000).set("first_seen_ns", peer).set("sampled_ns", i * second);
            Table::add(reading.live, peer, record);
        }
        auto refused = table().record().ends(AF_INET, "10.0.1.1", 80, "10.0.0.99", 5000);
        refused.set("first_seen_ns", 99).set("opened_ns", i * second - 9).set("ended", 12).set("last_state", 7);
        Table::add(reading.closed, 99, refused);
        tally.take(history.next(std::move(reading)));
    }
    tally.finish();
    const auto text = page(tally);
    for (const auto *shown : {"10.0.0.30", "10.0.0.21", "10.0.0.99"}) {
        CHECK(contains(text, "<th>" + std::string(shown) + "</th>"));
    }
    CHECK_FALSE(contains(text, "<th>10.0.0.2</th>"));
    CHECK(contains(text, "<p>and 16 more</p>"));
}

TEST_CASE("what the records do not have is called so, and is not 0") {
    const Table few({{"saddr", "unsigned char 16"},
                     {"daddr", "unsigned char 16"},
                     {"family", "unsigned char"},
                     {"bytes_sent", "unsigned long long"}});
    const auto columns = few.columns();
    Tally tally(columns, few.reader(), {});
    History history(few.reader());
    for (std::uint64_t i = 1; i < 4; ++i) {
        Reading reading;
        reading.time_ns = i * second;
        Table::add(reading.live, 1, few.record().set("family", AF_INET).set("bytes_sent", 1000 * i));
        tally.take(history.next(std::move(reading)));
    }
    tally.finish();
    const auto text = page(tally);
    CHECK(contains(text, "<dt>sent</dt><dd>2kB</dd>"));
    for (const auto *name : {"received", "sent again", "failed", "reset", "timed out"}) {
        CHECK(contains(text, "<dt>" + std::string(name) + "</dt><dd>not recorded</dd>"));
    }
    CHECK(contains(text, "nothing is known of it")); // round trips
    CHECK_FALSE(contains(text, "received up to"));
}

TEST_CASE("a report shows flows of conditions only, and no listening socket") {
    const auto columns = table().columns();
    const ConditionText text{"--where", "dport < 1003"};
    Traffic traffic(12);
    Tally tally(columns, table().reader(), {Filter::create(text, parse_condition(text).value(), columns).value()});
    for (int i = 0; i < 5; ++i) {
        tally.take(traffic.next());
    }
    tally.finish();
    CHECK(tally.connections() == 3);
    CHECK(tally.peers().size() == 2);

    History history(table().reader());
    Tally of_listener(columns, table().reader(), {});
    Reading reading;
    reading.time_ns = second;
    Table::add(reading.live, 1, table().record().set("last_state", 10).set("family", AF_INET).set("sport", 80));
    of_listener.take(history.next(std::move(reading)));
    of_listener.finish();
    CHECK(of_listener.connections() == 0);
}

TEST_CASE("no text gets out of a report's page") {
    CHECK(html_escaped("<b>&\"'\x1b\n\xff\xc3\xa9") == "&lt;b&gt;&amp;&quot;&#39;\\x1b\\x0a\\xff\xc3\xa9");
    const auto columns = table().columns();
    History history(table().reader());
    Tally tally(columns, table().reader(), {});
    for (std::uint64_t i = 1; i < 4; ++i) {
        Reading reading;
        reading.time_ns = i * second;
        auto record = table().record().ends(AF_INET, "10.0.0.1", 80, "10.0.0.2", 5000);
        record.set("comm", "<script>\"'&--").set("retransmits", i).set("bytes_sent", 1000 * i);
        record.set("srtt_us", 80'000).set("first_seen_ns", 1).set("sampled_ns", i * second);
        Table::add(reading.live, 1, record);
        auto snapshot = history.next(std::move(reading));
        snapshot.missed.push_back({"<i>", 1});
        tally.take(snapshot);
    }
    tally.finish();
    const auto text = page(tally, {"</title><script>", "<6.1>", "comm == \"<script>\""});
    CHECK_FALSE(contains(text, "<script"));
    CHECK_FALSE(contains(text, "<i>"));
    CHECK_FALSE(contains(text, "<6.1>"));
    CHECK(contains(text, "&lt;script&gt;&quot;&#39;&amp;--"));
    CHECK(contains(text, "comm == &quot;&lt;script&gt;&quot;"));
    for (const auto *elsewhere : {"http://", "https://", "src=", "href=", "url(", "@import"}) {
        CHECK_FALSE(contains(text, elsewhere));
    }
    CHECK_FALSE(contains(text, "nan"));
    CHECK_FALSE(contains(text, "inf\""));
}

TEST_CASE("a report of nothing says so") {
    const auto columns = table().columns();
    Tally tally(columns, table().reader(), {});
    tally.finish();
    const auto text = page(tally);
    CHECK(contains(text, "None ended."));
    CHECK(contains(text, "Nothing."));
    CHECK(contains(text, "It is not recorded what was sent again"));
}

TEST_CASE("there are never too many stretches of time, and nothing of them is lost") {
    struct Part {
        std::uint64_t count = 1;
        void add(const Part &other) { count += other.count; }
    };
    Series<Part> series(60);
    std::int64_t time = noon;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        time += static_cast<std::int64_t>(second) / 10 * static_cast<std::int64_t>(1 + i % 30);
        series.add(time, {});
        REQUIRE(series.stretches().size() <= 60);
    }
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < series.stretches().size(); ++i) {
        count += series.stretches()[i].part.count;
        CHECK((i == 0 || series.stretches()[i].begin - series.stretches()[i - 1].begin == series.length()));
    }
    CHECK(count == 100'000);
    CHECK(series.stretches().size() > 30);
}

TEST_CASE("percentiles of round trips are within 3 %") {
    RttCounts counts;
    CHECK_FALSE(counts.percentile(50).has_value());
    std::mt19937 random(1);
    std::vector<std::uint64_t> all;
    for (int i = 0; i < 10'000; ++i) {
        all.push_back(std::uint64_t(1) << (random() % 20) | random() % 1000);
        counts.add(all.back());
    }
    std::sort(all.begin(), all.end());
    for (const std::size_t percent : {1U, 50U, 90U, 99U, 100U}) {
        CHECK(counts.percentile(static_cast<double>(percent)).value() ==
              Approx(static_cast<double>(all[all.size() * percent / 100 - 1])).epsilon(0.03));
    }
}

TEST_CASE("a verdict says what held a connection back, and how it ended") {
    Troubled one;
    one.ended = "retransmit_timeout";
    one.error = "ETIMEDOUT";
    one.closed = true;
    one.course.grown.by[Grown::retransmits] = 25;
    one.course.grown.by[Grown::segments] = 500;
    one.course.grown.by[Grown::rto] = 20;
    one.course.grown.by[Grown::fast] = 5;
    one.course.grown.by[Grown::busy_us] = 1000;
    one.course.grown.by[Grown::recovery_us] = 500;
    one.course.grown.by[Grown::rwnd_us] = 200;
    one.course.grown.by[Grown::sndbuf_us] = 10;
    one.course.least_rtt_us = 9000;
    one.course.highest_rtt_us = 240'000;
    CHECK(
        verdict(one) ==
        "25 segments were sent again, 5% of those with data, mostly after a retransmission time-out. While it had data "
        "to send it was held back by loss recovery for 50% of the time, the receiver's window for 20% of the time. Its "
        "round trip rose from 9ms to 240ms. It ended by retransmit_timeout (ETIMEDOUT).");
    Troubled other;
    other.course.least_rtt_us = 100;
    other.course.highest_rtt_us = 150;
    CHECK(verdict(other) == "Nothing was sent again. It was open when it was last seen.");
    other.course.grown.by[Grown::retransmits] = 1;
    CHECK(verdict(other) == "One segment was sent again. It was open when it was last seen.");
}

TEST_CASE("a plot breaks where nothing is known, and ends in round numbers") {
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    Html html(sink);
    const auto at = [](std::int64_t seconds) { return noon + seconds * std::int64_t(second); };
    write_plot({"<a>",
                unit_of("us"),
                at(0),
                at(10),
                {{at(0), at(1)}, {at(1), at(2)}, {at(5), at(6)}, {at(6), at(10)}},
                {{"one", {1, 2900, std::numeric_limits<double>::quiet_NaN(), 5}}}},
               html);
    sink.flush();
    CHECK(contains(text, "<b>&lt;a&gt;</b>"));
    CHECK(contains(text, "d=\"M0.0 100.0H100.0V3.3H200.0M600.0 99.8H1000.0\""));
    CHECK(contains(text, "<span>3ms</span><span>1.5ms</span><span>0us</span>"));
    CHECK(contains(text, "<title>12:00:01: one 2.9ms</title>"));
    CHECK(contains(text, "<span>12:00:10</span></div></figure>"));
    text.clear();
    write_plot({.title = "b", .unit = {}, .begin = 0, .end = 0, .stretches = {}, .curves = {{"one", {}}}}, html);
    sink.flush();
    CHECK(contains(text, "nothing is known of it"));
}
