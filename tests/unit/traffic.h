// Connections that come, talk and go, recorded, without a kernel.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "output/sink.h"
#include "output/writer.h"
#include "snapshot/history.h"
#include "store/recorder.h"
#include "table.h"
#include "view/view.h"

namespace recording_test {

using namespace tcp_stats;
namespace fs = std::filesystem;

inline constexpr std::uint64_t second = 1'000'000'000;
inline constexpr std::int64_t noon = 1'769'947'200 * std::int64_t(second);

inline const Table &table() {
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
    explicit Traffic(std::size_t flows) : records_(flows), history_(table().reader()) {}

    /// One second later; its time of day is `offset_ns` off.
    Snapshot next(std::int64_t offset_ns = 0) {
        ++second_;
        Reading reading;
        reading.time_ns = second_ * second;
        for (std::size_t i = 0; i < records_.size(); ++i) {
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

    /// What comes to the place `i`, and does not change.
    static Table::Maker fresh(std::size_t i, std::uint64_t began) {
        auto record = table().record();
        if (i % 3 == 2) {
            record.set("family", AF_INET6).address("saddr", AF_INET6, "2001:db8::1");
            record.address("daddr", AF_INET6, i % 2 == 0 ? "2001:db8::2" : "::ffff:10.0.0.9");
        } else {
            record.set("family", AF_INET).address("saddr", AF_INET, "10.0.0.1").address("daddr", AF_INET, "10.0.0.2");
        }
        record.set("sport", 443).set("dport", htons(static_cast<std::uint16_t>(1000 + i))).set("proto", 6);
        record.set("last_state", 1).set("min_rtt_us", i == 1 ? 0xffffffff : 900).set("cgroup", 7).set("mac", 0xff00);
        record.set("first_seen_ns", began * second + 1).set("opened_ns", i == 0 ? 0 : began * second + 1);
        return record.set("state_since_ns", began * second + 1);
    }

    const Table::Maker &made(std::size_t i, std::uint64_t born) {
        static constexpr std::array<const char *, 4> names = {"nginx", "a \"b\x1b[31m\\", "caf\xc3\xa9", "x' OR 1"};
        const auto life = 20 + i * 7;
        const auto began = born * life;
        const bool idle = i % 2 == 1;
        const auto said = idle ? second_ / 30 : second_ - second_ / 5; // counts only grow
        auto &record = records_[i];
        const bool comes = !record || second_ == began;
        if (comes) {
            record.emplace(fresh(i, began));
        }
        if (second_ - began == 6) {
            record->set("pid", 100 + i).set("comm", names[i % 4]);
        }
        if (comes || !idle || second_ % 30 == 0) {
            record->set("bytes_sent", said * 1000 * (i + 1)).set("retransmits", said / 9);
            record->set("srtt_us", said % 4 == 0 ? 0 : 8000 + said).set("bytes_received", ~std::uint64_t(0) - said);
            record->set("busy_us", said * 500'000).set("rwnd_limited_us", said * 100'000);
            record->set("drift", static_cast<std::uint64_t>(-static_cast<std::int64_t>(said)));
        }
        return record->set("sampled_ns", second_ * second + 1000 * i);
    }

    std::vector<std::optional<Table::Maker>> records_;
    std::uint64_t second_ = 0;
    History history_;
};

/// A directory that goes with the test.
class TemporaryDirectory {
public:
    TemporaryDirectory() : directory_((fs::temp_directory_path() / "recording.XXXXXX").string()) {
        if (mkdtemp(directory_.data()) == nullptr) {
            throw std::system_error(errno, std::generic_category(), directory_);
        }
    }
    ~TemporaryDirectory() { fs::remove_all(directory_); }
    TemporaryDirectory(const TemporaryDirectory &) = delete;
    TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;

    fs::path file(const std::string &name = "r.db") const { return directory_ / fs::path(name); }

private:
    std::string directory_;
};

inline const std::string &cgroup_path(std::uint64_t /*id*/) {
    static const std::string path = "/shop/a b";
    return path;
}

inline Result<std::unique_ptr<Recorder>> recorder(const fs::path &path, Keep keep = {},
                                                  std::vector<Filter> where = {}) {
    auto file = RecordingFile::open(path);
    if (!file) {
        return tl::unexpected(file.error());
    }
    return Recorder::create(
        std::move(*file), table().reader(), cgroup_path,
        {"--record r.db", std::chrono::seconds(1), std::move(where), {{"drift", "us", "tp->x"}}, keep});
}

/// As json has a snapshot.
inline std::string json(const Snapshot &snapshot, const Columns &columns, const RecordReader &reader) {
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    auto rows = rows_in_view(snapshot, {}); // the kernel's order of flows is not recorded
    std::sort(rows.begin(), rows.end(), [](const Row &one, const Row &other) { return one.id() < other.id(); });
    make_writer(OutputFormat::json, {}, columns, reader)->write(snapshot, rows, sink);
    sink.flush();
    return text;
}

inline std::string content(const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const fs::path &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

} // namespace recording_test
