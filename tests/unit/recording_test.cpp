// Recording and replaying, without a kernel: what was recorded comes back number by number.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <SQLiteCpp/SQLiteCpp.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "output/sink.h"
#include "output/writer.h"
#include "snapshot/history.h"
#include "store/moment.h"
#include "store/recorder.h"
#include "store/replay.h"
#include "table.h"
#include "test.h"
#include "view/view.h"

using namespace tcp_stats;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr std::int64_t noon = 1'769'947'200 * std::int64_t(second);

const Table &table() {
    static const auto made = Table::of_connections({{"bytes_received", "unsigned long long"},
                                                    {"pid", "unsigned int"},
                                                    {"comm", "char 16"},
                                                    {"cgroup", "unsigned long long"},
                                                    {"min_rtt_us", "unsigned int"},
                                                    {"connect_us", "unsigned int"},
                                                    {"busy_us", "unsigned long long"},
                                                    {"rwnd_limited_us", "unsigned long long"},
                                                    {"sndbuf_limited_us", "unsigned long long"},
                                                    {"recovery_us", "unsigned long long"},
                                                    {"drift", "int"},
                                                    {"mac", "unsigned char 2"},
                                                    {"first_seen_ns", "unsigned long long"},
                                                    {"sampled_ns", "unsigned long long"},
                                                    {"opened_ns", "unsigned long long"},
                                                    {"closed_ns", "unsigned long long"},
                                                    {"state_since_ns", "unsigned long long"},
                                                    {"closed_from", "unsigned int"},
                                                    {"ended", "unsigned char"},
                                                    {"error", "unsigned short"}});
    return made;
}

/// Connections that come, talk, pause and go, the same in every run: `n` busy ones that pause at times, and as many
/// again that say something now and then.
class Traffic {
public:
    explicit Traffic(std::size_t flows) : flows_(flows), history_(table().reader()) {}

    /// One second later; its time of day is `offset_ns` off.
    Snapshot next(std::int64_t offset_ns = 0) {
        ++second_;
        Reading reading;
        reading.time_ns = second_ * second;
        for (std::size_t i = 0; i < flows_; ++i) {
            const auto life = 20 + i * 7;           // seconds
            const auto born = second_ / life;       // which of those that have this place
            const bool first = second_ % life == 0; // it has just come
            auto record = made(i, born);
            if (!first && (second_ + 1) % life == 0) {
                record.set("last_state", 7).set("closed_ns", reading.time_ns - second / 3).set("closed_from", 4);
                record.set("ended", 1 + i % 20).set("error", i % 3 == 0 ? ECONNRESET : 0);
                Table::add(reading.closed, sock(i, born), record);
            } else {
                Table::add(reading.live, sock(i, born), record);
            }
        }
        reading.missed = {{"probe_missed", second_ / 7}};
        auto snapshot = history_.next(std::move(reading));
        snapshot.time = std::chrono::system_clock::time_point(
            std::chrono::nanoseconds(noon + static_cast<std::int64_t>(second_ * second) + offset_ns));
        return snapshot;
    }

private:
    static std::uint64_t sock(std::size_t i, std::uint64_t born) { return 0xff00 + 2 * i + born % 2; }

    Table::Maker made(std::size_t i, std::uint64_t born) {
        static constexpr std::array<const char *, 4> names = {"nginx", "a \"b\x1b[31m\\", "caf\xc3\xa9", "x' OR 1"};
        const auto life = 20 + i * 7;
        const auto began = born * life;
        const bool idle = i % 2 == 1;
        const auto said = idle ? second_ / 30 : second_ - second_ / 5; // counts only grow
        auto record = table().record();
        if (i % 3 == 2) {
            record.set("family", AF_INET6).address("saddr", AF_INET6, "2001:db8::1");
            record.address("daddr", AF_INET6, i % 2 == 0 ? "2001:db8::2" : "::ffff:10.0.0.9");
        } else {
            record.set("family", AF_INET).address("saddr", AF_INET, "10.0.0.1").address("daddr", AF_INET, "10.0.0.2");
        }
        record.set("sport", 443).set("dport", htons(static_cast<std::uint16_t>(1000 + i))).set("proto", 6);
        record.set("bytes_sent", said * 1000 * (i + 1)).set("retransmits", said / 9).set("last_state", 1);
        record.set("srtt_us", said % 4 == 0 ? 0 : 8000 + said).set("min_rtt_us", i == 1 ? 0xffffffff : 900);
        record.set("pid", second_ - began > 5 ? 100 + i : 0).set("comm", second_ - began > 5 ? names[i % 4] : "");
        record.set("cgroup", 7).set("busy_us", said * 500'000).set("rwnd_limited_us", said * 100'000);
        record.set("drift", static_cast<std::uint64_t>(-static_cast<std::int64_t>(said))).set("mac", 0xff00);
        record.set("first_seen_ns", began * second + 1).set("opened_ns", i == 0 ? 0 : began * second + 1);
        record.set("sampled_ns", second_ * second + 1000 * i).set("state_since_ns", began * second + 1);
        return record.set("bytes_received", ~std::uint64_t(0) - said);
    }

    std::size_t flows_;
    std::uint64_t second_ = 0;
    History history_;
};

/// A directory that goes with the test.
class TemporaryDirectory {
public:
    TemporaryDirectory() : directory_((fs::temp_directory_path() / "recording.XXXXXX").string()) {
        REQUIRE(mkdtemp(directory_.data()) != nullptr);
    }
    ~TemporaryDirectory() { fs::remove_all(directory_); }
    TemporaryDirectory(const TemporaryDirectory &) = delete;
    TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;

    fs::path file(const std::string &name = "r.db") const { return directory_ / fs::path(name); }

private:
    std::string directory_;
};

const std::string &cgroup_path(std::uint64_t /*id*/) {
    static const std::string path = "/shop/a b";
    return path;
}

Result<std::unique_ptr<Recorder>> recorder(const fs::path &path, Keep keep = {}, std::vector<Filter> where = {}) {
    auto file = RecordingFile::open(path);
    if (!file) {
        return tl::unexpected(file.error());
    }
    return Recorder::create(
        std::move(*file), table().reader(), cgroup_path,
        {"--record r.db", std::chrono::seconds(1), std::move(where), {{"drift", "us", "tp->x"}}, keep});
}

/// As json has a snapshot.
std::string json(const Snapshot &snapshot, const Columns &columns, const RecordReader &reader) {
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    auto rows = rows_in_view(snapshot, {}); // the kernel's order of flows is not recorded
    std::sort(rows.begin(), rows.end(), [](const Row &one, const Row &other) { return one.id() < other.id(); });
    make_writer(OutputFormat::json, {}, columns, reader)->write(snapshot, rows, sink);
    sink.flush();
    return text;
}

std::vector<std::string> replayed(const fs::path &path, const ReplayRange &range = {}) {
    auto recording = Recording::open(path);
    INFO((recording ? "" : recording.error().message));
    REQUIRE(recording.has_value());
    auto replay = Replay::create(**recording, range);
    INFO((replay ? "" : replay.error().message));
    REQUIRE(replay.has_value());
    const Columns columns(
        (*recording)->reader(),
        [&](std::uint64_t id) -> const std::string & { return (*recording)->cgroup_path((*replay)->host(), id); },
        (*recording)->own_fields());
    std::vector<std::string> all;
    for (;;) {
        auto snapshot = (*replay)->next();
        REQUIRE(snapshot.has_value());
        if (!*snapshot) {
            return all;
        }
        all.push_back(json(**snapshot, columns, (*recording)->reader()));
    }
}

/// Fails at the first that differs.
void check_same(const std::vector<std::string> &one, const std::vector<std::string> &other) {
    REQUIRE(one.size() == other.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
        INFO("snapshot " << i);
        REQUIRE(one[i] == other[i]);
    }
}

/// Records so many snapshots, and returns them as they were.
std::vector<std::string> recorded(Recorder &recorder, Traffic &traffic, std::size_t count, std::int64_t offset_ns = 0) {
    const auto columns = table().columns({{"drift", "us", ""}}, "/shop/a b");
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
        const auto snapshot = traffic.next(offset_ns);
        recorder.record(snapshot);
        all.push_back(json(snapshot, columns, table().reader()));
    }
    return all;
}

std::int64_t number(const fs::path &path, const std::string &query) {
    SQLite::Database database(path.string(), SQLite::OPEN_READONLY);
    return database.execAndGet(query).getInt64();
}

std::string text(const fs::path &path, const std::string &query) {
    SQLite::Database database(path.string(), SQLite::OPEN_READONLY);
    return database.execAndGet(query).getString();
}

/// 0 where the tables were not made yet.
std::int64_t snapshots_in(const fs::path &path) {
    SQLite::Database database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    return database.tableExists("snapshots") ? database.execAndGet("SELECT count(*) FROM snapshots").getInt64() : 0;
}

std::string content(const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path &path, const std::string &bytes) { std::ofstream(path, std::ios::binary) << bytes; }

} // namespace

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

TEST_CASE("snapshots that found no room are counted, and the last records among them come later") {
    const TemporaryDirectory directory;
    Traffic traffic(8);
    auto made = recorder(directory.file());
    REQUIRE(made.has_value());
    recorded(**made, traffic, 25);
    CHECK((*made)->unrecorded() == 0);
    // As a full disk: nothing more can be written to a file.
    const auto was = std::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const rlimit none{4096, limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
    const auto lost = recorded(**made, traffic, 20); // some connections end meanwhile
    CHECK((*made)->unrecorded() == 20);
    setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, was);
    const auto later = recorded(**made, traffic, 60);
    CHECK((*made)->unrecorded() == 0);
    made->reset();
    CHECK(text(directory.file(), "PRAGMA integrity_check") == "ok");
    CHECK(number(directory.file(), "SELECT count FROM missed WHERE name = 'unrecorded_snapshots'") == 20);
    const auto all = replayed(directory.file());
    REQUIRE(all.size() == 85);
    CHECK(all[25].find("\"unrecorded_snapshots\":20") != std::string::npos);
    check_same(std::vector(all.begin() + 26, all.end()), std::vector(later.begin() + 1, later.end()));
    std::size_t ended = 0;
    for (const auto &snapshot : lost) {
        ended += snapshot.find("\"closed\":[]") == std::string::npos ? 1 : 0;
    }
    REQUIRE(ended > 0);
    CHECK(number(directory.file(), "SELECT count(*) FROM flow_rows f WHERE closed_in = 26") >= std::int64_t(ended));
}

TEST_CASE("a recorder that is killed loses the snapshot under way at most") {
    const TemporaryDirectory directory;
    std::mt19937 random(7); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in every run
    std::int64_t most = 0;
    for (int round = 0; round < 100; ++round) {
        const auto path = directory.file("k" + std::to_string(round % 10) + ".db"); // each goes on with an earlier one
        std::array<int, 2> pipe_ends{};
        REQUIRE(pipe(pipe_ends.data()) == 0);
        const auto before = snapshots_in(path);
        const pid_t child = fork();
        if (child == 0) {
            close(pipe_ends[0]);
            Traffic traffic(30);
            auto made = recorder(path);
            if (!made) {
                dprintf(STDERR_FILENO, "%s\n", made.error().message.c_str());
                _exit(1);
            }
            for (;;) {
                (*made)->record(traffic.next());
                if (write(pipe_ends[1], "x", 1) != 1) {
                    _exit(0);
                }
            }
        }
        close(pipe_ends[1]);
        timespec pause{0, static_cast<long>(random() % 40'000'000)};
        nanosleep(&pause, nullptr);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        std::int64_t done = 0;
        for (char byte = 0; read(pipe_ends[0], &byte, 1) == 1;) {
            ++done;
        }
        close(pipe_ends[0]);
        if (!fs::exists(path) || fs::file_size(path) == 0) {
            REQUIRE(done == 0);
            continue;
        }
        const auto now = snapshots_in(path) - before;
        REQUIRE(text(path, "PRAGMA integrity_check") == "ok");
        REQUIRE(now >= done);
        REQUIRE(now <= done + 1);
        if (before + now > 0) {
            REQUIRE(std::int64_t(replayed(path).size()) == before + now);
            REQUIRE(number(path, "SELECT count(*) FROM latest") == number(path, "SELECT count(*) FROM flows"));
        }
        most = std::max(most, now);
    }
    CHECK(most > 1);
}

TEST_CASE("what is beyond --keep goes, the oldest first") {
    const TemporaryDirectory directory;
    constexpr std::uint64_t limit = 1'000'000;
    std::uint64_t largest = 0;
    {
        Traffic traffic(40);
        auto made = recorder(directory.file(), {{}, limit});
        for (int i = 0; i < 900; ++i) {
            (*made)->record(traffic.next());
            largest = std::max<std::uint64_t>(largest, fs::file_size(directory.file()));
        }
    }
    constexpr std::uint64_t a_snapshot = 40'000;
    CHECK(fs::file_size(directory.file()) <= limit + a_snapshot);
    CHECK(largest <= limit + a_snapshot);
    CHECK(fs::file_size(directory.file()) > limit / 2);
    const auto first = number(directory.file(), "SELECT min(id) FROM snapshots");
    CHECK(first > 1);
    CHECK(std::int64_t(replayed(directory.file()).size()) == 900 - first + 1);
    CHECK(number(directory.file(), "SELECT count(*) FROM flow_details WHERE flow NOT IN (SELECT id FROM flow_rows)") ==
          0);
    CHECK(number(directory.file(), "SELECT count(*) FROM flow_rows WHERE closed_in < " + std::to_string(first)) == 0);

    SECTION("as a smaller one on a larger file") {
        Traffic traffic(2);
        {
            auto made = recorder(directory.file(), {std::chrono::minutes(5), {}});
            for (int i = 0; i < 320; ++i) {
                (*made)->record(traffic.next(std::int64_t(900 * second)));
            }
        }
        CHECK(number(directory.file(), "SELECT count(*) FROM snapshots") == 301);
        CHECK(number(directory.file(), "SELECT count(*) FROM runs") == 1);
        CHECK(replayed(directory.file()).size() == 301);
    }
}

namespace {

/// An error, or a picture in each format.
bool is_shown(const fs::path &path) {
    auto recording = Recording::open(path);
    auto replay = recording ? Replay::create(**recording, {}) : tl::unexpected(recording.error());
    if (!replay) {
        CHECK_FALSE(replay.error().message.empty());
        return false;
    }
    const auto &reader = (*recording)->reader();
    const Columns columns(reader, cgroup_path, (*recording)->own_fields());
    Sink sink([](std::string_view /*text*/) {});
    std::vector<std::unique_ptr<Writer>> writers;
    for (const auto format : {OutputFormat::line, OutputFormat::table, OutputFormat::json, OutputFormat::csv}) {
        writers.push_back(make_writer(format, {}, columns, reader));
    }
    for (int i = 0; i < 100; ++i) {
        const auto snapshot = (*replay)->next();
        if (!snapshot || !*snapshot) {
            return snapshot.has_value();
        }
        for (const auto &writer : writers) {
            writer->write(**snapshot, rows_in_view(**snapshot, {}), sink);
        }
    }
    return true;
}

} // namespace

TEST_CASE("a clock that was wrong takes nothing with it that is to be kept") {
    const TemporaryDirectory directory;
    const auto recorded_with = [&](Keep keep, std::int64_t wrong_s) {
        const auto path = directory.file(std::to_string(wrong_s) + (keep.age ? "a" : "b"));
        Traffic traffic(20);
        auto made = recorder(path, keep);
        for (int i = 0; i < 250; ++i) {
            (*made)->record(traffic.next(i >= 190 && i < 193 ? wrong_s * std::int64_t(second) : 0));
        }
        made->reset();
        return number(path, "SELECT count(*) FROM snapshots");
    };
    for (const std::int64_t wrong_s : {-1'700'000'000, -86'400, 864'000}) {
        CHECK(recorded_with({std::chrono::minutes(5), {}}, wrong_s) == 250);
        CHECK(recorded_with({{}, 700'000}, wrong_s) > 50);
    }
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

TEST_CASE("a recording that is removed, or whose name SQLite would read otherwise") {
    const TemporaryDirectory directory;
    Traffic traffic(3);
    for (const auto *name : {"file:a?mode=memory", "a b#c%41", "-x"}) {
        const auto path = directory.file(name);
        {
            auto made = recorder(path);
            REQUIRE(made.has_value());
            recorded(**made, traffic, 5);
        }
        CHECK(replayed(path).size() == 5);
    }
    auto made = recorder(directory.file());
    recorded(**made, traffic, 2);
    fs::remove(directory.file());
    recorded(**made, traffic, 2);
    CHECK((*made)->unrecorded() == 2);
    CHECK(Recording::open(directory.file("")).error().kind == ErrorKind::not_a_recording);
}

TEST_CASE("a damaged recording is an error or a picture") {
    const TemporaryDirectory directory;
    {
        Traffic traffic(10);
        auto made = recorder(directory.file());
        recorded(**made, traffic, 70);
    }
    const auto whole = content(directory.file());
    SECTION("with bytes changed at random") {
        std::mt19937 random(5); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in every run
        int shown = 0;
        for (int round = 0; round < 200; ++round) {
            auto bytes = whole;
            for (int i = 0; i < 1 + round % 20; ++i) {
                bytes[random() % bytes.size()] = static_cast<char>(random());
            }
            write_file(directory.file("d.db"), bytes);
            shown += is_shown(directory.file("d.db")) ? 1 : 0;
        }
        CHECK(shown > 0);
    }
    SECTION("with absurd values") {
        for (const auto *change :
             {"UPDATE sample_rows SET flow = -flow * 1000000007",
              "UPDATE sample_rows SET flow = 'x', details = 'y'",
              "UPDATE sample_rows SET details = NULL",
              "UPDATE sample_rows SET bytes = 'many', offset_ns = 'late'",
              "UPDATE sample_rows SET elapsed_ns = 9223372036854775807, offset_ns = -9223372036854775808",
              "UPDATE sample_rows SET elapsed_ns = -1, bytes = -1, busy_us = 1e300",
              "UPDATE sample_rows SET elapsed_ns = 1",
              "UPDATE flow_details SET saddr = NULL, sport = 70000, state = 4000000000, pid = -1, comm = "
              "zeroblob(100000)",
              "UPDATE flow_details SET saddr = '1.2.3.4:5', daddr = ':::', mac = 'zz', comm = '\\x', family = 99",
              "UPDATE flow_rows SET closed_in = 3",
              "UPDATE snapshots SET run = id",
              "UPDATE snapshots SET time = NULL WHERE id = 5",
              "UPDATE snapshots SET time = 9223372036854775807 - id",
              "UPDATE snapshots SET time = -9223372036854775808",
              "UPDATE snapshots SET time_ns = 0",
              "UPDATE snapshots SET time_ns = -1, refused = -1",
              "UPDATE snapshots SET first_sample = -9223372036854775808, last_sample = 9223372036854775807",
              "UPDATE snapshots SET id = id * 100000000000",
              "INSERT INTO absences SELECT id, id, NULL FROM flow_rows",
              "UPDATE missed SET name = zeroblob(10), count = -1",
              "UPDATE fields SET size = 4096",
              "UPDATE fields SET size = 1e18",
              "UPDATE fields SET kind = 'text'",
              "UPDATE fields SET kind = 'bytes', size = 1",
              "UPDATE fields SET member = id",
              "UPDATE fields SET stored_in = 'flow_details'",
              "DELETE FROM fields",
              "DELETE FROM runs",
              "DELETE FROM flow_details",
              "DELETE FROM snapshots",
              "DROP TABLE missed",
              "UPDATE fields SET name = 'a\"b' WHERE id = 3"}) {
            INFO(change);
            write_file(directory.file("d.db"), whole);
            SQLite::Database(directory.file("d.db").string(), SQLite::OPEN_READWRITE).exec(change);
            is_shown(directory.file("d.db"));
        }
        CHECK(is_shown(directory.file()));
    }
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

TEST_CASE("times are understood as people write them", "[english]") {
    const auto end = noon; // 2026-02-01 12:00, and TZ is UTC
    const auto at = [&](const char *text) {
        const auto moment = moment_of("--from", text, end, noon - 40 * 3600 * std::int64_t(second));
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
    CHECK((*moment_of("--to", "12:05", end, noon - 60 * std::int64_t(second)) - noon) / std::int64_t(second) == 300);
    CHECK(*moment_of("--to", "9999-12-31", end, 0) > end);
    CHECK(at("2026-02-01 11:00") == -3'600'000);
    CHECK(at("2026-02-01T13:00:00.250Z") == 3'600'250);
    for (const auto *wrong :
         {"", "-", "2h", "-2", "-2x", "25:00", "yesterday", "12:00:00.x", "2026-02-01 11", "-1e99d", "2026-11-31"}) {
        INFO(wrong);
        CHECK_FALSE(moment_of("--from", wrong, end, 0).has_value());
    }
}
