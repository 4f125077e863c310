// table [FLOWS…]: from a real BPF hash with so many records of the built-in program (default 1,000,000) to the first 20
// rows of a table: the time for reading it, for the snapshot, for choosing and writing; and the same through a
// condition that only the monitor can decide. Prints medians of five rounds. Needs leave to make BPF maps (root).
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>

#include <bpf/bpf.h>

#include "condition/condition.h"
#include "flows.h"
#include "kernel/flow_table.h"
#include "output/writer.h"
#include "record/record_pool.h"
#include "view/view.h"

namespace {

using namespace tcp_stats;

constexpr int rounds = 5;

/// A hash with what `records` has.
int hash_of(const Records &records) {
    const auto count = static_cast<std::uint32_t>(records.size());
    const int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "bench", sizeof(std::uint64_t),
                                  static_cast<std::uint32_t>(records.record_size()), count, nullptr);
    if (fd < 0) {
        throw std::runtime_error(std::string("cannot make a BPF map: ") + std::strerror(errno) + "; run this as root");
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto sock = records.sock(i);
        if (bpf_map_update_elem(fd, &sock, records[i].data(), BPF_ANY) != 0) {
            throw std::runtime_error(std::string("cannot fill the map: ") + std::strerror(errno));
        }
    }
    return fd;
}

class Stages {
public:
    void measure(const char *name, const std::function<void()> &action) {
        const auto start = std::chrono::steady_clock::now();
        action();
        auto &taken = seconds_[name];
        taken.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        whole_ += taken.back();
    }
    void end_round() {
        seconds_["the whole"].push_back(whole_);
        whole_ = 0;
    }
    void forget_round() { whole_ = 0; }
    void show(std::size_t flows) {
        for (auto &[name, taken] : seconds_) {
            std::sort(taken.begin(), taken.end());
            std::printf("%9zu  %-32s %7.3f s (%.3f - %.3f)\n", flows, name.c_str(), taken[taken.size() / 2],
                        taken.front(), taken.back());
        }
    }

private:
    std::map<std::string, std::vector<double>> seconds_;
    double whole_ = 0;
};

void run(const RecordLayout &layout, std::size_t count) {
    const auto reader = RecordReader::create(layout).value();
    const std::string path = "/system.slice/nginx.service";
    const Columns columns(reader, [&](std::uint64_t) -> const std::string & { return path; });
    BusyFlows flows(layout, count);
    flows.reading();
    const FlowTable table(hash_of(*flows.records()), layout, count);
    RecordPool pool(layout.size());
    History history(reader);
    const ConditionText text = {"--where", "rtt_us > 20ms and comm == nginx"};
    View all;
    all.order = {columns.find("bytes_per_s"), true};
    all.top = 20;
    auto some = all;
    some.where.push_back(Filter::create(text, parse_condition(text).value(), columns).value());
    const auto writer = make_writer(OutputFormat::table, {}, columns, reader);
    Sink sink([](std::string_view) {});
    Stages stages;
    for (int round = -1; round < rounds; ++round) { // the first is for nothing
        Reading reading;
        reading.time_ns = static_cast<std::uint64_t>(round + 2) * 1'000'000'000;
        reading.live = pool.take();
        Snapshot snapshot;
        Stages once;
        auto &into = round < 0 ? once : stages;
        into.measure("1 read the hash", [&] { table.read(*reading.live).value(); });
        into.measure("2 snapshot", [&] { snapshot = history.next(std::move(reading)); });
        into.measure("3 the first 20 of a table", [&] {
            writer->write(snapshot, rows_in_view(snapshot, all), sink);
            sink.flush();
        });
        into.end_round();
        into.measure("3 the same through a condition", [&] {
            writer->write(snapshot, rows_in_view(snapshot, some), sink);
            sink.flush();
        });
        into.forget_round();
    }
    stages.show(count);
}

} // namespace

int main(int argc, char **argv) {
    const auto layout = built_in_layout();
    const std::vector<std::string> given(argv + 1, argv + argc);
    for (const auto &count : given.empty() ? std::vector<std::string>{"1000000"} : given) {
        run(layout, std::stoull(count));
    }
}
