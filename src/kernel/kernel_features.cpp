#include "kernel/kernel_features.h"

#include <ctime>

#include <bpf/libbpf.h>
#include <fmt/format.h>

namespace tcp_stats {
namespace {

/// The resolution of the coarse clocks is one tick (clock_getres(2)).
long ticks_per_second() {
    timespec resolution{};
    clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    constexpr long second_ns = 1'000'000'000;
    return resolution.tv_nsec > 0 ? (second_ns + resolution.tv_nsec / 2) / resolution.tv_nsec : 100;
}

} // namespace

std::vector<std::string> running_kernel_definitions() {
    std::vector<std::string> definitions = {fmt::format("KERNEL_HZ={}", ticks_per_second())};
    if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr) > 0) {
        definitions.emplace_back("RING_BUFFER");
    }
    return definitions;
}

} // namespace tcp_stats
