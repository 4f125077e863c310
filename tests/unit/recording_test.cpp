// What was recorded comes back number by number, and is asked in SQL.
#include "recording.h"
#include "store/moment.h"
#include "store/player.h"

using namespace recording_test;

TEST_CASE("a replay is what was recorded, number by number") {
    const TemporaryDirectory directory;
    Traffic traffic(12);
    auto made = recorder(directory.file());
    REQUIRE(made.has_value());
    const auto live = recorded(**made, traffic, 200);
    made->reset();
    check_same(replayed(directory.file()), live);
    CHECK((fs::status(directory.file()).permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
    CHECK_FALSE(fs::exists(directory.file("r.db-wal")));
    // What docs/recording.md gives to what was saved of a damaged one.
    CHECK(number(directory.file(), "PRAGMA application_id") == 1952673907);
    CHECK(number(directory.file(), "PRAGMA user_version") == 1);

    SECTION("any part of it") {
        const auto part =
            replayed(directory.file(), {noon + 120 * std::int64_t(second), noon + 150 * std::int64_t(second), {}, {}});
        CHECK(part.size() == 31);
        check_same(part, std::vector(live.begin() + 119, live.begin() + 150));
    }
    SECTION("one moment of it") {
        ReplayRange range;
        range.at = noon + 77 * std::int64_t(second) + 5;
        CHECK(replayed(directory.file(), range) == std::vector<std::string>{live[76]});
    }
    SECTION("what there is not") {
        auto recording = Recording::open(directory.file());
        const auto replay = Replay::create(**recording, {noon + 900 * std::int64_t(second), {}, {}, {}});
        REQUIRE_FALSE(replay.has_value());
        CHECK(replay.error().kind == ErrorKind::usage);
        CHECK(replay.error().message.find("from 2026-02-01T12:00:01.000Z to 2026-02-01T12:03:20.000Z") !=
              std::string::npos);
    }
}

TEST_CASE("a player comes to each snapshot as it was, whatever the way") {
    const TemporaryDirectory directory;
    Traffic traffic(40);
    std::vector<std::string> live;
    {
        auto made = recorder(directory.file());
        live = recorded(**made, traffic, 150);
    }
    {
        auto made = recorder(directory.file()); // after a pause
        const auto more = recorded(**made, traffic, 150);
        live.insert(live.end(), more.begin(), more.end());
    }
    auto recording = Recording::open(directory.file()).value();
    auto player = Player::create(*recording, {}).value();
    const Columns columns(
        recording->reader(),
        [&](std::uint64_t id) -> const std::string & { return recording->cgroup_path(player->host(), id); },
        recording->own_fields());
    const auto next = [&] {
        Snapshot snapshot;
        do {
            CHECK(player->wait(std::chrono::seconds(1)).count() == 0);
            snapshot = player->next().value().value();
        } while (player->is_on_its_way());
        return json(snapshot, columns, recording->reader());
    };
    const auto as_it_was = replayed(directory.file());
    REQUIRE(player->moments().size() == as_it_was.size());
    CHECK(next() == as_it_was[0]);
    player->play(false);
    CHECK(player->wait(std::chrono::seconds(1)) > std::chrono::hours(1));
    for (const std::size_t moment : {1U, 2U, 299U, 298U, 150U, 149U, 151U, 61U, 60U, 120U, 121U, 0U, 7U, 290U}) {
        INFO("moment " << moment);
        player->go(moment);
        CHECK(player->now() == moment);
        CHECK(next() == as_it_was[moment]);
        CHECK(player->now() == moment);
    }
    player->play(true);
    player->set_speed(4);
    CHECK(player->wait({}) == std::chrono::milliseconds(250));
    player->go(299);
    CHECK(next() == as_it_was[299]);
    CHECK_FALSE(player->is_playing());
    player->play(true); // from the beginning
    CHECK(next() == as_it_was[0]);
    CHECK(player->moment_at("12:01:00").value() == 59);
    CHECK(player->moment_at("-0s").value() == 299);
    CHECK(player->moment_at("2026-01-01").value() == 0);
    CHECK(player->moment_at("11:00").value() == 0);
    CHECK(player->moment_at("soon").error().kind == ErrorKind::usage);
    // Nothing is counted twice, and nothing left out.
    std::uint64_t failures = 0;
    for (const auto &moment : player->moments()) {
        failures += moment.failures.value();
    }
    CHECK(static_cast<std::int64_t>(failures) ==
          number(directory.file(), "SELECT count(*) FROM flows WHERE closed IS NOT NULL AND ended NOT IN "
                                   "('local_close', 'peer_close', 'simultaneous_close', 'fin_wait2_timeout')"));
}

TEST_CASE("a connection that does nothing is written once a minute, with what it is by words") {
    const TemporaryDirectory directory;
    Traffic traffic(12);
    auto made = recorder(directory.file());
    recorded(**made, traffic, 200);
    made->reset();
    const auto &file = directory.file();
    CHECK(text(file, "PRAGMA integrity_check") == "ok");
    // The place 11 lives for 97 seconds and speaks each 30.
    CHECK(number(file, "SELECT count(*) FROM samples WHERE rport = 1011") < 30);
    CHECK(number(file, "SELECT max(gap) FROM (SELECT time - lag(time) OVER (PARTITION BY flow ORDER BY time) AS gap "
                       "FROM samples)") <= 61 * std::int64_t(second));
    CHECK(number(file, "SELECT count(*) FROM flows WHERE closed IS NOT NULL") ==
          number(file, "SELECT sum(connections) FROM endings"));
    CHECK(
        text(file,
             "SELECT state || ' ' || closed_from || ' ' || error || ' ' || local || ' ' || cgroup_path || ' ' || comm "
             "FROM last_records WHERE rport = 1000") == "CLOSE FIN_WAIT1 ECONNRESET 10.0.0.1 /shop/a b nginx");
    CHECK(text(file, "SELECT comm FROM flows WHERE rport = 1001 AND comm != ''") == "a \"b\\x1b[31m\\x5c");
    CHECK(number(file, "SELECT count(*) FROM rates WHERE bytes_per_s < 0") == 0);
    CHECK(number(file, "SELECT count(*) FROM latest") == number(file, "SELECT count(*) FROM flows"));
    CHECK(number(file,
                 "SELECT count(*) FROM latest l WHERE bytes_received != (SELECT bytes_received FROM samples s WHERE "
                 "s.flow = l.flow ORDER BY time DESC LIMIT 1)") == 0);
    CHECK(number(file, "SELECT closed - opened FROM flows WHERE rport = 1003 ORDER BY id LIMIT 1") == 39'666'666'666);
    CHECK(text(file, "SELECT unit || ' ' || kernel FROM fields WHERE name = 'drift'") == "us tp->x");
    for (const auto *view : {"worst_retransmitters", "round_trips", "peers_by_minute", "latest", "limits"}) {
        INFO(view);
        const bool has_round_trips = std::string(view) != "round_trips"; // these have no rtt_us
        const bool is_there =
            number(file, "SELECT count(*) FROM sqlite_master WHERE name = '" + std::string(view) + "'") == 1;
        CHECK(is_there == (has_round_trips && std::string(view) != "worst_retransmitters"));
        if (is_there) {
            CHECK(number(file, "SELECT count(*) FROM " + std::string(view)) > 0);
        }
    }
}

TEST_CASE("runs that follow each other, and clocks that are set, leave no wrong rate") {
    const TemporaryDirectory directory;
    std::vector<std::string> live;
    const auto record_run = [&](std::initializer_list<std::int64_t> offsets_s) {
        Traffic traffic(5);
        auto made = recorder(directory.file());
        REQUIRE(made.has_value());
        for (const auto offset : offsets_s) {
            const auto some = recorded(**made, traffic, 10, offset * std::int64_t(second));
            live.insert(live.end(), some.begin(), some.end());
        }
    };
    record_run({0, -3600, 86400});
    check_same(replayed(directory.file()), live);
    record_run({90000});
    const auto all = replayed(directory.file());
    REQUIRE(all.size() == 40);
    CHECK(all[29].find("bytes_per_s") != std::string::npos);
    CHECK(all[30].find("bytes_per_s") == std::string::npos);
    CHECK(number(directory.file(), "SELECT count(DISTINCT run) FROM flows") == 2);
    CHECK(number(directory.file(), "SELECT count(*) FROM runs WHERE end IS NOT NULL") == 2);
    CHECK(number(directory.file(), "SELECT count(*) FROM host") == 1);
}

TEST_CASE("a file that is no recording, or is recorded to, is refused and stays as it is") {
    const TemporaryDirectory directory;
    const auto refused = [&](const std::string &name, const char *words) {
        const auto before = content(directory.file(name));
        for (const auto &error :
             {recorder(directory.file(name)).error(), Recording::open(directory.file(name)).error()}) {
            CHECK(error.kind == ErrorKind::not_a_recording);
            CHECK(error.message.find(words) != std::string::npos);
        }
        CHECK(content(directory.file(name)) == before);
    };
    write_file(directory.file("text"), "to whom it may concern");
    refused("text", "a file of another kind");
    write_file(directory.file("long"), std::string(5000, 'x'));
    refused("long", "a file of another kind");
    SQLite::Database(directory.file("other").string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("CREATE TABLE a (b)");
    refused("other", "a database of another program");
    {
        auto first = recorder(directory.file());
        REQUIRE(first.has_value());
        const auto second_one = recorder(directory.file());
        REQUIRE_FALSE(second_one.has_value());
        CHECK(second_one.error().kind == ErrorKind::usage);
        CHECK(second_one.error().message.find("another tcp_stats_monitor records to it") != std::string::npos);
    }
    SQLite::Database(directory.file().string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 2");
    refused("r.db", "a newer version");
    CHECK(Recording::open(directory.file("none")).error().kind == ErrorKind::source_unreadable);
    CHECK(recorder("/nowhere/r.db").error().kind == ErrorKind::output_failed);
    CHECK(recorder("/dev/null").error().kind == ErrorKind::not_a_recording);
}

TEST_CASE("connections that meet the conditions now and then are recorded when they do") {
    const TemporaryDirectory directory;
    const auto columns = table().columns({{"drift", "us", ""}}, "/shop/a b");
    const ConditionText text{"--where", "bytes_per_s > 0"};
    const auto where = Filter::create(text, *parse_condition(text), columns);
    REQUIRE(where.has_value());
    Traffic traffic(12);
    std::vector<std::set<std::uint64_t>> shown;
    {
        auto made = recorder(directory.file(), {std::chrono::minutes(5), {}}, {*where});
        for (int i = 0; i < 400; ++i) {
            const auto snapshot = traffic.next();
            auto grouped = snapshot; // as with --group-by
            grouped.groups.emplace();
            (*made)->record(grouped);
            auto &ids = shown.emplace_back();
            for (const auto &row : rows_in_view(snapshot, {{*where}, {}, {}})) {
                ids.insert(row.id());
            }
        }
    }
    auto recording = Recording::open(directory.file());
    auto replay = Replay::create(**recording, {});
    std::size_t at = shown.size() - 301;
    while (const auto snapshot = (*replay)->next().value()) {
        std::set<std::uint64_t> ids;
        for (const auto &flow : snapshot->flows) {
            ids.insert(flow.id);
        }
        INFO("snapshot " << at);
        if (at > shown.size() - 240) { // all that was kept of earlier ones has been met by then
            REQUIRE(ids == shown[at]);
        }
        ++at;
    }
    CHECK(at == shown.size());
    CHECK(number(directory.file(), "SELECT count(*) FROM flow_details") <
          5 * number(directory.file(), "SELECT count(*) FROM flow_rows"));
}

TEST_CASE("a field that was something else is refused, and one that takes a name of the recording's") {
    const TemporaryDirectory directory;
    const auto open = [&](std::initializer_list<Table::Type> further, const std::vector<UserField> &fields) {
        const auto other = Table::of_connections(further);
        auto file = RecordingFile::open(directory.file());
        REQUIRE(file.has_value());
        const auto added = file->add_fields(stored_fields(other.reader()), fields);
        return added ? std::string() : added.error().message;
    };
    CHECK(open({{"mine", "unsigned int"}}, {{"mine", "", "tp->a"}}).empty());
    CHECK(open({{"mine", "unsigned int"}}, {{"mine", "", "tp->a"}}).empty());
    CHECK(open({{"mine", "unsigned int"}}, {{"mine", "", "tp->b"}}).find("another field mine") != std::string::npos);
    CHECK(open({{"flow", "unsigned int"}}, {{"flow", "", "tp->b"}}).find("by the name flow") != std::string::npos);
    CHECK(number(directory.file(), "SELECT count(*) FROM pragma_table_info('samples') WHERE name = 'mine'") == 1);
}

TEST_CASE("a recording that cannot be made is told by the name that was given") {
    const auto file = RecordingFile::open("/nonexistent/x.db");
    REQUIRE_FALSE(file.has_value());
    CHECK(file.error().message == "--record: cannot open /nonexistent/x.db: No such file or directory");
}

TEST_CASE("times are understood as people write them", "[english]") {
    const auto end = noon; // 2026-02-01 12:00, and TZ is UTC
    const auto at = [&](const char *text) {
        const auto moment = moment_of("--from", text, noon - 40 * 3600 * std::int64_t(second), end);
        return moment ? (*moment - noon) / std::int64_t(second / 1000) : -1;
    };
    CHECK(at("-2h") == -7'200'000);
    CHECK(at("-1.5d") == -129'600'000);
    CHECK(at("-90s") == -90'000);
    CHECK(at("11:59") == -60'000);
    CHECK(at("11:59:30.5") == -29'500);
    CHECK(at("12:00") == 0);
    CHECK(at("12:01") == 60'000 - 86'400'000);
    CHECK(at("2026-02-01") == -43'200'000);
    CHECK(*moment_of("--to", "9999-12-31", 0, end) > end);
    CHECK(at("2026-02-01 11:00") == -3'600'000);
    CHECK(at("2026-02-01T13:00:00.250Z") == 3'600'250);
    for (const auto *wrong :
         {"", "-", "2h", "-2", "-2x", "25:00", "yesterday", "12:00:00.x", "2026-02-01 11", "-1e99d", "2026-11-31"}) {
        INFO(wrong);
        CHECK_FALSE(moment_of("--from", wrong, 0, end).has_value());
    }
}

TEST_CASE("a time of day that a recording does not have is the nearest one", "[english]") {
    const auto minute = 60 * std::int64_t(second);
    const auto at = [&](const char *text) {
        return (*moment_of("--at", text, noon - 40 * minute, noon) - noon) / minute;
    };
    CHECK(at("11:25") == -35);
    CHECK(at("11:15") == -45);
    CHECK(at("12:05") == 5);
    CHECK(at("23:00") == 11 * 60);
    CHECK(at("00:30") == -11 * 60 - 30);
}
