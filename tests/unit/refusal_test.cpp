#include "kernel/refusal.h"

#include <cerrno>

#include <bpf/bpf.h>

#include "golden.h"

using namespace tcp_stats;

namespace {

std::string told(const Error &error) { return std::to_string(exit_status(error.kind)) + " " + error.message + "\n"; }

MapDescription flows(std::uint32_t count) {
    MapDescription map;
    map.name = "flow_stats";
    map.type = BPF_MAP_TYPE_HASH;
    map.key_size = 8;
    map.value_size = 452;
    map.max_entries = count;
    return map;
}

} // namespace

TEST_CASE("what is refused for reasons of the system is told with the reason, the option and what works") {
    constexpr std::uint64_t giga = 1 << 30;
    constexpr std::uint64_t mega = 1 << 20;
    SystemLimits locked_down;
    locked_down.lockdown = "none integrity [confidentiality]\n";
    SystemLimits large;
    large.available_bytes = 64 * giga;
    SystemLimits huge;
    huge.available_bytes = 1000 * giga;
    SystemLimits small;
    small.available_bytes = 2 * giga;
    SystemLimits filtered;
    filtered.seccomp_filter = true;
    SystemLimits rootless;
    rootless.user_namespace = true;
    SystemLimits locked = large;
    locked.lockable_bytes = 64 * mega;
    const std::string option = "--max-flows";
    std::string all = told(*refusal_by_lockdown(locked_down));
    for (const auto &limits : {locked_down, rootless, filtered, SystemLimits()}) {
        all += told(refusal_of_bpf(limits, "closed_flows: Operation not permitted"));
    }
    all += told(refusal_of_size(small, flows(20'000'000), 5 * mega, ENOMEM, option));
    all += told(refusal_of_size(small, flows(20'000'000), 5 * mega, E2BIG, option));
    all += told(refusal_of_size(large, flows(20'000'000), 5 * mega, E2BIG, option));
    all += told(refusal_of_size(large, flows(1'000'000), 5 * mega, ENOMEM, option));
    all += told(refusal_of_size(huge, flows(1'000'000'000), 0, E2BIG, option));
    all += told(refusal_of_size(locked, flows(1'000'000), 5 * mega, EPERM, option));
    all += told(refusal_of_size(locked, flows(16'384), 70 * mega, EPERM, option));
    all += told(refusal_of_size(locked, flows(16'384), 70 * mega, EPERM, ""));
    CHECK(all == golden("system_refusals.txt"));
}

TEST_CASE("where there is no lockdown none is told") {
    for (const auto *state : {"", "[none] integrity confidentiality\n", "none [integrity] confidentiality\n"}) {
        SystemLimits limits;
        limits.lockdown = state;
        CHECK_FALSE(refusal_by_lockdown(limits));
    }
    CHECK(is_about_reading_memory("unknown func bpf_probe_read#4"));
    CHECK(is_about_reading_memory("program of this type cannot use helper bpf_probe_read_kernel#113"));
    CHECK_FALSE(is_about_reading_memory("unknown func bpf_get_current_task#35"));
    CHECK_FALSE(is_about_reading_memory("R1 type=scalar expected=fp (a.c:7, bpf_probe_read)"));
}

TEST_CASE("the limits of this system can be read") {
    const auto limits = system_limits();
    CHECK(limits.available_bytes > 1'000'000);
    CHECK(limits.lockable_bytes > 0);
}
