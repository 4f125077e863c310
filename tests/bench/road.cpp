// road [FLOWS…]: what a snapshot of so many flows costs on this machine, and what each format takes to write all their
// fields (default: 1,000 to 1,000,000). Prints medians of five rounds in µs per flow with the least and the most, how
// often memory was asked for, and how much is in use beyond the records.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <vector>

#include <malloc.h>

#include "flows.h"
#include "output/writer.h"
#include "view/view.h"

namespace {

std::atomic<std::size_t> allocations = 0; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

} // namespace

void *operator new(std::size_t size) {
    ++allocations;
    if (auto *memory = std::malloc(size)) { // NOLINT(cppcoreguidelines-no-malloc)
        return memory;
    }
    throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }                       // NOLINT
void operator delete(void *memory, std::size_t /*size*/) noexcept { std::free(memory); } // NOLINT

namespace {

using namespace tcp_stats;

constexpr int rounds = 5;

double seconds_of(const std::function<void()> &action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Taken {
    std::array<double, rounds> us_per_flow{};
    std::size_t allocations = 0; ///< in the last round
};

void show(const char *what, std::size_t flows, Taken result, std::size_t bytes_beyond) {
    std::sort(result.us_per_flow.begin(), result.us_per_flow.end());
    std::printf("%9zu  %-16s %8.3f (%.3f - %.3f) %12zu", flows, what, result.us_per_flow[rounds / 2],
                result.us_per_flow.front(), result.us_per_flow.back(), result.allocations);
    bytes_beyond == 0 ? std::printf("\n")
                      : std::printf(" %12.0f\n", static_cast<double>(bytes_beyond) / static_cast<double>(flows));
    std::fflush(stdout);
}

/// In use now: from the heap, and mapped for large blocks.
std::size_t memory_in_use() {
    const auto memory = mallinfo2();
    return memory.uordblks + memory.hblkhd;
}

struct Format {
    const char *name;
    OutputFormat format;
    std::optional<std::uint64_t> top = {};
};

constexpr std::array formats = {Format{"line", OutputFormat::line}, Format{"json", OutputFormat::json},
                                Format{"csv", OutputFormat::csv}, Format{"table", OutputFormat::table},
                                Format{"table --top 20", OutputFormat::table, 20}};

void run(const RecordLayout &layout, const RecordReader &reader, std::size_t count) {
    const std::string path = "/system.slice/nginx.service";
    const Columns columns(reader, [&](std::uint64_t) -> const std::string & { return path; });
    const auto before = memory_in_use();
    BusyFlows flows(layout, count);
    const auto of_records = memory_in_use() - before;
    std::size_t most_memory = 0;
    Sink sink([&](std::string_view /*text*/) { most_memory = std::max(most_memory, memory_in_use()); });
    History history(reader);
    auto next = [&, snapshot = std::optional<Snapshot>()]() mutable -> Snapshot & {
        auto reading = flows.reading();
        snapshot.reset();
        return snapshot.emplace(history.next(std::move(reading)));
    };
    for (int warm = 0; warm < 3; ++warm) {
        next();
    }
    Taken of_snapshot;
    for (auto &us : of_snapshot.us_per_flow) {
        auto reading = flows.reading();
        std::optional<Snapshot> snapshot;
        const auto asked = allocations.load();
        us = 1e6 * seconds_of([&] { snapshot = history.next(std::move(reading)); }) / static_cast<double>(count);
        of_snapshot.allocations = allocations - asked;
    }
    show("snapshot", count, of_snapshot, 0);
    for (const auto &[name, format, top] : formats) {
        const auto writer = make_writer(format, {}, columns, reader);
        View view;
        view.top = top;
        if (format == OutputFormat::table) {
            view.order = {columns.find("bytes_per_s"), true};
        }
        Taken result;
        most_memory = 0;
        for (auto &us : result.us_per_flow) {
            const auto &snapshot = next();
            const auto asked = allocations.load();
            us = 1e6 * seconds_of([&] {
                     writer->write(snapshot, rows_in_view(snapshot, view), sink);
                     sink.flush();
                 }) /
                 static_cast<double>(count);
            result.allocations = allocations - asked;
        }
        show(name, count, result, most_memory - before - of_records);
    }
}

} // namespace

int main(int argc, char **argv) {
    const auto layout = built_in_layout();
    const auto reader = RecordReader::create(layout).value();
    std::printf("records of %zu bytes\n%9s  %-16s %8s %17s %12s %12s\n", layout.size(), "flows", "", "us/flow",
                "(least - most)", "allocations", "bytes/flow");
    const std::vector<std::string> given(argv + 1, argv + argc);
    for (const auto &count : given.empty() ? std::vector<std::string>{"1000", "16000", "100000", "1000000"} : given) {
        run(layout, reader, std::stoull(count));
    }
}
