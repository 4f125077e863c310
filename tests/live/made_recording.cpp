// made_recording FILE: ten minutes from noon on that go a known way, for tests of a replay's screens: flows of the
// scene, a burst of retransmits in the third minute, resets in the fourth, a fifth in which there are no flows, a sixth
// in which nothing was recorded.
#include <cstdio>
#include <string>

#include "base/printable.h"
#include "scene.h"
#include "store/recorder.h"

namespace {

using namespace tcp_stats;

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr std::uint64_t minute = 60;

Table::Maker record(std::uint64_t second, std::uint64_t flow) {
    static constexpr std::array comms = {"nginx", "sshd", "curl", "a b\x1b[31m", "<script>\"'&"};
    auto made = Scene::table().record();
    made.set("family", AF_INET).set("proto", 6).set("sport", 443).set("last_state", 1);
    made.address("saddr", AF_INET, "10.0.0.1")
        .address("daddr", AF_INET, ("10.0.0." + std::to_string(2 + flow)).c_str());
    made.set("dport", htons(static_cast<std::uint16_t>(1000 + flow))).set("pid", 100 + flow).set("cgroup", 7);
    made.set("comm", comms[flow % comms.size()]).set("bytes_sent", second * (flow + 1) * 100'000);
    const bool burst = second >= 2 * minute && second < 3 * minute;
    const auto in_burst = second < 2 * minute ? 0 : burst ? second - 2 * minute : minute;
    made.set("retransmits", in_burst * in_burst / 8 * (flow + 1)).set("cwnd", burst ? 2 + second % 5 : 40 + second % 9);
    made.set("rtt_us", burst ? 90'000 + 1000 * (second % 7) : 9000 + 100 * (second % 7)).set("srtt_us", 80'000);
    made.set("mss", 1448).set("busy_us", second * 900'000).set("recovery_us", in_burst * 900'000);
    made.set("first_seen_ns", flow + 1)
        .set("opened_ns", second < 6 * minute ? second_ns / 2 : 0)
        .set("sampled_ns", second * second_ns);
    return made;
}

Snapshot snapshot_at(History &history, std::uint64_t second) {
    Reading reading;
    reading.time_ns = second * second_ns;
    constexpr std::uint64_t flows = 6;
    if (second < 4 * minute || second >= 5 * minute) {
        for (std::uint64_t flow = 0; flow < flows; ++flow) {
            Table::add(reading.live, 0x1000 + flow, record(second, flow));
        }
    }
    if (second >= 3 * minute && second < 4 * minute) { // one a second that is reset
        const auto number = second - 3 * minute;
        auto reset = record(second, flows + number).set("bytes_sent", 1000).set("last_state", 7);
        reset.set("retransmits", 0).set("ended", 4).set("error", ECONNRESET);
        reset.set("first_seen_ns", second * second_ns - 2).set("opened_ns", second * second_ns - 2);
        Table::add(reading.closed, 0x2000 + number, reset);
    }
    reading.missed = {{"probe_missed", second / 100}};
    auto snapshot = history.next(std::move(reading));
    snapshot.time = std::chrono::system_clock::time_point(std::chrono::seconds(1'769'947'200 + second));
    return snapshot;
}

Result<void> record_to(const std::string &path) {
    for (const auto &[begin, end] : {std::pair(std::uint64_t(1), 5 * minute), std::pair(6 * minute, 10 * minute)}) {
        auto file = RecordingFile::open(path);
        if (!file) {
            return tl::unexpected(file.error());
        }
        static const std::string cgroup = "/web";
        auto recorder = Recorder::create(std::move(*file), Scene::table().reader(),
                                         [](std::uint64_t) -> const std::string & { return cgroup; },
                                         {"", std::chrono::seconds(1), {}, {}, {}});
        if (!recorder) {
            return tl::unexpected(recorder.error());
        }
        History history(Scene::table().reader());
        for (auto second = begin; second < end; ++second) {
            (*recorder)->record(snapshot_at(history, second));
        }
    }
    return {};
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::fputs("usage: made_recording FILE\n", stderr);
        return exit_status(ErrorKind::usage);
    }
    const auto result = record_to(argv[1]);
    if (!result) {
        std::fprintf(stderr, "made_recording: %s\n", printable(result.error().message).c_str());
    }
    return result ? 0 : exit_status(result.error().kind);
}
