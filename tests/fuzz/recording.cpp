// A damaged recording, replayed to its end. The input is what is damaged of a good one: where, in two bytes, and the
// byte that stands there then, as often as there are three bytes.
#include <SQLiteCpp/SQLiteCpp.h>
#include <nlohmann/json.hpp>

#include "../unit/traffic.h"
#include "check.h"
#include "store/replay.h"

using namespace recording_test;
using fuzz::require;

namespace {

constexpr std::size_t bytes_of_a_change = 3;
/// Many more than there are in the good one.
constexpr int most_snapshots = 1000;

/// Two runs, with connections that are left out at times. The same whenever it is made; without what no replay reads,
/// and in small pages, so that most of its bytes are of use.
std::string good_recording(const fs::path &path) {
    const auto columns = table().columns({{"drift", "us", ""}});
    const ConditionText text{"--where", "bytes_per_s > 0"};
    const auto where = Filter::create(text, *parse_condition(text), columns).value();
    for (const int seconds : {20, 3}) {
        Traffic traffic(3);
        const auto made = recorder(path, {}, {where}).value();
        for (int i = 0; i < seconds; ++i) {
            made->record(traffic.next());
        }
    }
    SQLite::Database(path.string(), SQLite::OPEN_READWRITE)
        .exec("UPDATE host SET name = 'a', boot_id = 'b', kernel = 'c', version = 'd'; UPDATE runs SET begin = 1; "
              "DELETE FROM words;"
              "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE type = 'view';"
              "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM; PRAGMA journal_mode = WAL");
    return content(path);
}

void replay(const fs::path &path) {
    const auto recording = Recording::open(path);
    const auto replay = recording ? Replay::create(**recording, {}) : tl::unexpected(recording.error());
    if (!replay) {
        require(!replay.error().message.empty(), "what is wrong is said");
        return;
    }
    const auto &reader = (*recording)->reader();
    const CgroupPath cgroup = [&](std::uint64_t id) -> const std::string & {
        return (*recording)->cgroup_path((*replay)->host(), id);
    };
    const Columns columns(reader, cgroup, (*recording)->own_fields());
    const auto writer = make_writer(OutputFormat::json, {}, columns, reader);
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    for (int count = 0;; ++count) {
        const auto snapshot = (*replay)->next();
        if (!snapshot || !*snapshot) {
            break;
        }
        require(count < most_snapshots, "a replay comes to its end");
        text.clear();
        writer->write(**snapshot, rows_in_view(**snapshot, {}), sink);
        sink.flush();
    }
    require(text.empty() || nlohmann::json::accept(text), "json is JSON", text);
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is given by libFuzzer
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const TemporaryDirectory directory;
    static const auto good = good_recording(directory.file("good.db"));
    auto bytes = good;
    for (std::size_t i = 0; i + bytes_of_a_change <= size; i += bytes_of_a_change) {
        bytes[(data[i] * 256U + data[i + 1]) % bytes.size()] = static_cast<char>(data[i + 2]);
    }
    write_file(directory.file(), bytes);
    replay(directory.file());
    return 0;
}
