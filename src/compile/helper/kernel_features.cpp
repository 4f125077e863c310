#include "compile/helper/kernel_features.h"

#include <cstdint>

#include <bpf/btf.h>
#include <fmt/format.h>

namespace tcp_stats {
namespace {

bool is_member(const struct btf *btf, const btf_type *type, const std::string &member) {
    for (std::uint16_t i = 0; i < btf_vlen(type); ++i) {
        const auto &candidate = btf_members(type)[i];
        const char *name = btf__name_by_offset(btf, candidate.name_off);
        if (name != nullptr && member == name) {
            return true;
        }
        const auto *inner = btf__type_by_id(btf, candidate.type);
        if ((name == nullptr || *name == '\0') && btf_is_composite(inner) && is_member(btf, inner, member)) {
            return true;
        }
    }
    return false;
}

} // namespace

bool has_member(const struct btf *btf, const std::string &type, const std::string &member) {
    const auto id = btf__find_by_name_kind(btf, type.c_str(), BTF_KIND_STRUCT);
    return id > 0 && is_member(btf, btf__type_by_id(btf, static_cast<__u32>(id)), member);
}

std::vector<std::string> feature_definitions(const struct btf *btf, const ProgramText &program) {
    std::vector<std::string> definitions = {"KERNEL_HAS(type,member)=KERNEL_HAS_##type##_##member",
                                            "KERNEL_HAS_FUNCTION(name)=KERNEL_HAS_FUNCTION_##name"};
    const auto has_function = [&](const std::string &name) {
        return btf__find_by_name_kind(btf, name.c_str(), BTF_KIND_FUNC) > 0;
    };
    if (btf == nullptr) {
        return definitions;
    }
    if (has_function("bpf_iter_tcp")) {
        definitions.emplace_back("SOCKET_WALK");
    }
    for (const auto &words : program.words_in("KERNEL_HAS")) {
        if (words.size() == 2 && has_member(btf, words[0], words[1])) {
            definitions.push_back(fmt::format("KERNEL_HAS_{}_{}=1", words[0], words[1]));
        }
    }
    for (const auto &words : program.words_in("KERNEL_HAS_FUNCTION")) {
        if (words.size() == 1 && has_function(words[0])) {
            definitions.push_back(fmt::format("KERNEL_HAS_FUNCTION_{}=1", words[0]));
        }
    }
    return definitions;
}

} // namespace tcp_stats
