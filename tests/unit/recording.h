// Recordings for tests: what was recorded, read back.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <SQLiteCpp/SQLiteCpp.h>

#include "store/replay.h"
#include "test.h"
#include "traffic.h"

namespace recording_test {

inline std::vector<std::string> replayed(const fs::path &path, const ReplayRange &range = {}) {
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
inline void check_same(const std::vector<std::string> &one, const std::vector<std::string> &other) {
    REQUIRE(one.size() == other.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
        INFO("snapshot " << i);
        REQUIRE(one[i] == other[i]);
    }
}

/// Records so many snapshots, and returns them as they were.
inline std::vector<std::string> recorded(Recorder &recorder, Traffic &traffic, std::size_t count,
                                         std::int64_t offset_ns = 0) {
    const auto columns = table().columns({{"drift", "us", ""}}, "/shop/a b");
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
        const auto snapshot = traffic.next(offset_ns);
        recorder.record(snapshot);
        all.push_back(json(snapshot, columns, table().reader()));
    }
    return all;
}

inline std::int64_t number(const fs::path &path, const std::string &query) {
    SQLite::Database database(path.string(), SQLite::OPEN_READONLY);
    return database.execAndGet(query).getInt64();
}

inline std::string text(const fs::path &path, const std::string &query) {
    SQLite::Database database(path.string(), SQLite::OPEN_READONLY);
    return database.execAndGet(query).getString();
}

/// 0 where the tables were not made yet.
inline std::int64_t snapshots_in(const fs::path &path) {
    SQLite::Database database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    return database.tableExists("snapshots") ? database.execAndGet("SELECT count(*) FROM snapshots").getInt64() : 0;
}

} // namespace recording_test
