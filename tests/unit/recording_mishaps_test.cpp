// What recordings stand: kills, full disks, wrong clocks, removed and damaged files.
#include <csignal>
#include <ctime>
#include <random>

#include <sys/resource.h>
#include <sys/wait.h>

#include "recording.h"

using namespace recording_test;

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
    constexpr int seconds = 3600;
    constexpr std::size_t connections = 450; // 41 MB in these seconds
    constexpr std::int64_t limit = 20'000'000;
    constexpr std::int64_t a_snapshot = 60'000;
    const auto size = [&] {
        return number(directory.file(), "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    };
    {
        Traffic traffic(connections);
        auto made = recorder(directory.file(), {{}, limit});
        for (int i = 0; i < seconds; ++i) {
            (*made)->record(traffic.next());
            REQUIRE(size() <= limit + a_snapshot);
        }
    }
    CHECK(std::int64_t(fs::file_size(directory.file())) <= limit + a_snapshot);
    CHECK(size() > limit / 2);
    const auto first = number(directory.file(), "SELECT min(id) FROM snapshots");
    CHECK(first > 1);
    {
        const auto recording = Recording::open(directory.file()).value();
        const auto replay = Replay::create(*recording, {}).value();
        auto next = first;
        for (; const auto snapshot = replay->next().value(); ++next) {
            REQUIRE(snapshot->time_ns == std::uint64_t(next) * second);
            REQUIRE((next < first + 60 || snapshot->flows.size() == connections));
        }
        CHECK(next == seconds + 1);
    }
    CHECK(number(directory.file(), "SELECT count(*) FROM flow_details WHERE flow NOT IN (SELECT id FROM flow_rows)") ==
          0);
    CHECK(number(directory.file(), "SELECT count(*) FROM flow_rows WHERE closed_in < " + std::to_string(first)) == 0);

    SECTION("as a smaller one on a larger file") {
        Traffic traffic(2);
        {
            auto made = recorder(directory.file(), {std::chrono::minutes(5), {}});
            for (int i = 0; i < 320; ++i) {
                (*made)->record(traffic.next(std::int64_t(seconds * second)));
            }
        }
        CHECK(number(directory.file(), "SELECT count(*) FROM snapshots") == 301);
        CHECK(number(directory.file(), "SELECT count(*) FROM runs") == 1);
        CHECK(replayed(directory.file()).size() == 301);
    }
}

TEST_CASE("what a larger file has beyond --keep goes before anything is recorded") {
    const TemporaryDirectory directory;
    constexpr std::uint64_t limit = 1'000'000;
    {
        Traffic traffic(300);
        const auto made = recorder(directory.file()).value();
        for (int i = 0; i < 600; ++i) {
            made->record(traffic.next());
        }
    }
    REQUIRE(fs::file_size(directory.file()) > 3 * limit);
    SQLite::Database(directory.file().string(), SQLite::OPEN_READWRITE)
        .exec("INSERT INTO host (id, name) VALUES (99, 'gone'); INSERT INTO cgroups VALUES (99, 1, '/gone'), (1, "
              "2, '/too')");
    auto made = recorder(directory.file(), {{}, limit});
    double before = 0;
    (*made)->keep_no_more([&](double share) {
        CHECK(share >= before);
        before = share;
        return true;
    });
    CHECK(before >= 1);
    CHECK(number(directory.file(), "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count p, "
                                   "pragma_freelist_count f, pragma_page_size s") <= std::int64_t(limit));
    made->reset();
    CHECK(fs::file_size(directory.file()) <= 2 * limit);
    CHECK(number(directory.file(), "SELECT count(*) FROM host") == 1);
    CHECK(text(directory.file(), "SELECT group_concat(path) FROM cgroups") == "/shop/a b");
    CHECK(replayed(directory.file()).size() > 50);
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
    // A log without its file is not taken for that of a new one.
    fs::copy_file(directory.file("r.db-wal"), directory.file("again.db-wal"));
    auto again = recorder(directory.file("again.db"));
    REQUIRE(again.has_value());
    Traffic anew(3);
    const auto live = recorded(**again, anew, 3);
    again->reset();
    CHECK(text(directory.file("again.db"), "PRAGMA integrity_check") == "ok");
    check_same(replayed(directory.file("again.db")), live);
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
