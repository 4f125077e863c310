#include "kernel/kernel_features.h"

#include <cstring>
#include <ctime>
#include <memory>

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include "kernel/kernel_types.h"

namespace tcp_stats {
namespace {

/// Members of unnamed structs and unions count as the outer one's, as in C.
bool has_member(const struct btf *btf, const btf_type *type, const std::string &member) {
    for (std::uint16_t i = 0; i < btf_vlen(type); ++i) {
        const auto &candidate = btf_members(type)[i];
        const char *name = btf__name_by_offset(btf, candidate.name_off);
        if (name != nullptr && member == name) {
            return true;
        }
        const auto *inner = btf__type_by_id(btf, candidate.type);
        if ((name == nullptr || *name == '\0') && btf_is_composite(inner) && has_member(btf, inner, member)) {
            return true;
        }
    }
    return false;
}

/// Timer ticks per second: the resolution of the coarse clocks is one tick (clock_getres(2)).
long ticks_per_second() {
    timespec resolution{};
    clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    constexpr long second_ns = 1'000'000'000;
    return resolution.tv_nsec > 0 ? (second_ns + resolution.tv_nsec / 2) / resolution.tv_nsec : 100;
}

} // namespace

std::vector<std::string> feature_definitions(const ProgramText &program) {
    std::vector<std::string> definitions = {
        fmt::format("KERNEL_HZ={}", ticks_per_second()),
        "KERNEL_HAS(type,member)=KERNEL_HAS_##type##_##member",
    };
    if (libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nullptr) > 0) {
        definitions.emplace_back("RING_BUFFER");
    }
    const auto btf = kernel_btf();
    if (!btf) {
        return definitions;
    }
    if (btf__find_by_name_kind(btf.get(), "bpf_iter_tcp", BTF_KIND_FUNC) > 0) {
        definitions.emplace_back("SOCKET_WALK");
    }
    for (const auto &[type, member] : program.argument_pairs("KERNEL_HAS")) {
        const auto id = btf__find_by_name_kind(btf.get(), type.c_str(), BTF_KIND_STRUCT);
        if (id > 0 && has_member(btf.get(), btf__type_by_id(btf.get(), static_cast<__u32>(id)), member)) {
            definitions.push_back(fmt::format("KERNEL_HAS_{}_{}=1", type, member));
        }
    }
    return definitions;
}

} // namespace tcp_stats
