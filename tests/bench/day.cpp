// day [BUSY [IDLE [SECONDS]]]: a day of a host, or SECONDS of it, made and not waited for: BUSY connections (default
// 20) send each second, IDLE ones (480) do nothing, and one comes and goes each second. Prints what recording it takes,
// how fast it is replayed, what a report takes, and what questions over all of it take.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include <SQLiteCpp/SQLiteCpp.h>

#include "flows.h"
#include "output/writer.h"
#include "report/report.h"
#include "store/recorder.h"
#include "store/replay.h"
#include "view/view.h"

namespace {

using namespace tcp_stats;

constexpr std::uint64_t second_ns = 1'000'000'000;

double seconds_of(const std::function<void()> &action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Second by second.
class Day {
public:
    Day(const RecordLayout &layout, std::size_t busy, std::size_t idle)
        : layout_(layout), busy_(busy), flows_(layout, busy + idle + 1) {
        flows_.reading();
        for (std::size_t i = 0; i < flows_.records()->size(); ++i) {
            const auto record = (*flows_.records())[i];
            records_.emplace_back(record.begin(), record.end());
        }
    }

    Reading next() {
        ++second_;
        Reading reading;
        reading.time_ns = second_ * second_ns;
        reading.live = std::make_shared<Records>(layout_.size());
        for (std::size_t i = 0; i < records_.size(); ++i) {
            auto &record = records_[i];
            const bool passes = i + 1 == records_.size();
            put(record, "sampled_ns", reading.time_ns + i);
            if (i < busy_ || passes) {
                put(record, "bytes_sent", second_ * 10'000 * (i + 1));
                put(record, "bytes_acked", second_ * 10'000 * (i + 1));
                put(record, "segs_out", second_ * 8);
                put(record, "segs_in", second_ * 4);
                put(record, "delivered", second_ * 8);
                put(record, "busy_us", second_ * 300'000);
                put(record, "retransmits", second_ / 7);
                put(record, "srtt_us", 160'000 + second_ % 977 * 8);
                put(record, "rtt_us", 20'000 + second_ % 977);
            }
            if (passes) {
                if (second_ > 1) {
                    put(record, "last_state", 7);
                    put(record, "closed_ns", reading.time_ns - 1);
                    put(record, "closed_from", 8);
                    put(record, "ended", second_ % 20 + 1);
                    put(record, "error", second_ % 10 == 0 ? ECONNRESET : 0);
                    add_closed(reading.closed, 1 + 2 * (second_ - 1), record);
                }
                put(record, "last_state", 1);
                put(record, "closed_ns", 0);
                put(record, "closed_from", 0);
                put(record, "ended", 0);
                put(record, "error", 0);
                put(record, "first_seen_ns", reading.time_ns);
                put(record, "opened_ns", reading.time_ns);
            }
            reading.live->add(passes ? 1 + 2 * second_ : 2 * i, record.data());
        }
        return reading;
    }

private:
    void put(std::vector<std::byte> &record, const char *name, std::uint64_t value) const {
        if (const auto *field = layout_.find(name)) {
            std::memcpy(record.data() + field->offset, &value, std::min(field->size, sizeof(value)));
        }
    }

    void add_closed(std::shared_ptr<Records> &records, std::uint64_t sock, const std::vector<std::byte> &record) const {
        records = std::make_shared<Records>(layout_.size());
        records->add(sock, record.data());
    }

    const RecordLayout &layout_;
    std::size_t busy_;
    BusyFlows flows_;
    std::vector<std::vector<std::byte>> records_;
    std::uint64_t second_ = 0;
};

} // namespace

int main(int argc, char **argv) {
    const auto number = [&](int i, std::size_t otherwise) { return argc > i ? std::stoull(argv[i]) : otherwise; };
    const auto layout = built_in_layout();
    const auto reader = RecordReader::create(layout).value();
    const auto seconds = number(3, 86'400);
    const std::string cgroup = "/system.slice/nginx.service";
    const CgroupPath path = [&](std::uint64_t) -> const std::string & { return cgroup; };
    const std::string file = std::filesystem::temp_directory_path() / "tcp_stats_monitor.day";
    std::filesystem::remove(file);
    {
        Day day(layout, number(1, 20), number(2, 480));
        History history(reader);
        auto recorder = Recorder::create(RecordingFile::open(file).value(), reader, path,
                                         {"a day", std::chrono::seconds(1), {}, {}, {}})
                            .value();
        const auto took = seconds_of([&] {
            for (std::uint64_t i = 0; i < seconds; ++i) {
                auto snapshot = history.next(day.next());
                snapshot.time = std::chrono::system_clock::time_point(std::chrono::seconds(1'769'900'400 + i));
                recorder->record(snapshot);
            }
        });
        std::printf("recorded: %.2f ms a snapshot, %.0f MB\n", 1000 * took / static_cast<double>(seconds),
                    static_cast<double>(std::filesystem::file_size(file)) / 1e6);
    }
    auto recording = Recording::open(file).value();
    auto replay = Replay::create(*recording, {}).value();
    const Columns columns(recording->reader(), path);
    const auto writer = make_writer(OutputFormat::json, {}, columns, recording->reader());
    std::size_t bytes = 0;
    Sink sink([&](std::string_view text) { bytes += text.size(); });
    std::size_t snapshots = 0;
    const auto replayed = seconds_of([&] {
        while (const auto snapshot = replay->next().value()) {
            ++snapshots;
        }
    });
    std::printf("replayed: %zu snapshots, %.0f times as fast as it was\n", snapshots,
                static_cast<double>(seconds) / replayed);
    auto again = Replay::create(*recording, {}).value();
    const auto as_json = seconds_of([&] {
        for (std::uint64_t i = 0; i < std::min<std::uint64_t>(seconds, 3600); ++i) {
            const auto snapshot = again->next().value();
            writer->write(*snapshot, rows_in_view(*snapshot, {}), sink);
        }
    });
    std::printf("replayed as json: %.0f times as fast as it was (an hour, %.0f MB)\n",
                static_cast<double>(std::min<std::uint64_t>(seconds, 3600)) / as_json,
                static_cast<double>(bytes) / 1e6);
    bytes = 0;
    const auto reported = seconds_of([&] {
        const auto source = Replay::create(*recording, {}).value();
        Tally tally(columns, recording->reader(), {});
        while (const auto snapshot = source->next().value()) {
            tally.take(*snapshot);
        }
        tally.finish();
        write_report(tally, {"a host", "a kernel", ""}, sink);
        sink.flush();
    });
    std::printf("report of all of it: %.2f s, %.0f kB\n", reported, static_cast<double>(bytes) / 1e3);
    ReplayRange range;
    range.at = recording->begin() + static_cast<std::int64_t>(second_ns * seconds / 2);
    std::printf("one moment of it: %.3f s\n",
                seconds_of([&] { Replay::create(*recording, range).value()->next().value(); }));
    for (const auto *question : {"SELECT * FROM endings", "SELECT * FROM peers_by_minute",
                                 "SELECT remote, count(*) FROM flows WHERE error = 'ECONNRESET' GROUP BY 1",
                                 "SELECT comm, sum(bytes_per_s * elapsed_s) FROM rates WHERE time BETWEEN (SELECT "
                                 "min(time) + 43200000000000 FROM "
                                 "snapshots) AND (SELECT min(time) + 43800000000000 FROM snapshots) GROUP BY 1",
                                 "SELECT * FROM worst_retransmitters LIMIT 20"}) {
        SQLite::Statement statement(recording->database(), question);
        std::size_t rows = 0;
        const auto took = seconds_of([&] {
            while (statement.executeStep()) {
                ++rows;
            }
        });
        std::printf("%.3f s, %zu rows: %s\n", took, rows, question);
    }
    std::filesystem::remove(file);
}
