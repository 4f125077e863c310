#include "compile/helper/btf_selection.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include <bpf/btf.h>

namespace tcp_stats {
namespace {

using NameSet = std::set<std::string, std::less<>>;

/// What a text can name of BTF: structs, unions and enums by tag; typedefs, constants and members by a word.
struct Names {
    NameSet tags;
    NameSet words;
};

/// What BCC's own helpers.h and proto.h use, and the C library's names for integers.
const NameSet &words_for_granted() {
    static const NameSet words = {"true",      "bool",   "size_t",  "ssize_t", "pid_t",   "uid_t",    "gid_t",
                                  "uintptr_t", "u8",     "u16",     "u32",     "u64",     "s8",       "s16",
                                  "s32",       "s64",    "__u8",    "__u16",   "__u32",   "__u64",    "__s8",
                                  "__s16",     "__s32",  "__s64",   "__be16",  "__be32",  "__be64",   "__le16",
                                  "__le32",    "__le64", "__sum16", "__wsum",  "uint8_t", "uint16_t", "uint32_t",
                                  "uint64_t",  "int8_t", "int16_t", "int32_t", "int64_t"};
    return words;
}

Names names_of(const ProgramText &program) {
    Names names;
    for (const auto &word : program.identifiers()) {
        names.words.insert(word);
    }
    names.words.insert(words_for_granted().begin(), words_for_granted().end());
    for (const auto &tag : program.mentioned_types()) {
        names.tags.insert(tag);
    }
    for (const auto &tag : program.defined_types()) {
        names.tags.erase(tag);
    }
    names.tags.insert("pt_regs");
    // The casts of kernel_macros.h name a type each.
    static const std::map<std::string_view, std::string> casts = {
        {"tcp_sk", "tcp_sock"}, {"inet_sk", "inet_sock"}, {"inet_csk", "inet_connection_sock"}};
    for (const auto &[cast, tag] : casts) {
        if (names.words.count(cast) != 0) {
            names.tags.insert(tag);
        }
    }
    return names;
}

class Selection {
public:
    Selection(const struct btf *btf, const Names &names) : btf_(btf), names_(names) {}

    std::vector<std::uint32_t> select() {
        for (std::uint32_t id = 1; id < btf__type_cnt(btf_); ++id) {
            if (is_named(btf__type_by_id(btf_, id))) {
                choose(id);
            }
        }
        while (!to_follow_.empty()) {
            const auto id = to_follow_.back();
            to_follow_.pop_back();
            follow_members(id);
        }
        return chosen_;
    }

private:
    bool has(const NameSet &set, std::uint32_t offset) const {
        const char *name = btf__name_by_offset(btf_, offset);
        return name != nullptr && *name != '\0' && set.find(std::string_view(name)) != set.end();
    }

    bool is_named(const btf_type *type) const {
        switch (btf_kind(type)) {
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            return has(names_.tags, type->name_off);
        case BTF_KIND_TYPEDEF:
            return has(names_.words, type->name_off);
        case BTF_KIND_ENUM:
            return has(names_.tags, type->name_off) || any_enumerator(btf_enum(type), btf_vlen(type));
        case BTF_KIND_ENUM64:
            return has(names_.tags, type->name_off) || any_enumerator(btf_enum64(type), btf_vlen(type));
        default:
            return false;
        }
    }

    template <typename Enumerator> bool any_enumerator(const Enumerator *enumerators, std::uint16_t count) const {
        for (std::uint16_t i = 0; i < count; ++i) {
            if (has(names_.words, enumerators[i].name_off)) {
                return true;
            }
        }
        return false;
    }

    void choose(std::uint32_t id) {
        if (visited_.insert(id).second) {
            chosen_.push_back(id);
            to_follow_.push_back(id);
        }
    }

    /// Without const, volatile and typedefs.
    std::uint32_t plain(std::uint32_t id) const {
        for (;;) {
            const auto *type = btf__type_by_id(btf_, id);
            if (!btf_is_mod(type) && !btf_is_typedef(type) && !btf_is_type_tag(type)) {
                return id;
            }
            id = type->type;
        }
    }

    /// Goes through a struct and those that lie in it, for pointers that the program follows.
    void follow_members(std::uint32_t id) {
        const auto *type = btf__type_by_id(btf_, plain(id));
        if (!btf_is_composite(type)) {
            return;
        }
        for (std::uint16_t i = 0; i < btf_vlen(type); ++i) {
            const auto &member = btf_members(type)[i];
            const auto target = plain(member.type);
            const auto *target_type = btf__type_by_id(btf_, target);
            if (btf_is_composite(target_type)) { // printed with the struct around it
                if (visited_.insert(target).second) {
                    to_follow_.push_back(target);
                }
            } else if (btf_is_ptr(target_type) && has(names_.words, member.name_off)) {
                const auto pointee = plain(target_type->type);
                if (btf_is_composite(btf__type_by_id(btf_, pointee))) {
                    choose(pointee);
                }
            }
        }
    }

    const struct btf *btf_;
    const Names &names_;
    std::set<std::uint32_t> visited_;
    std::vector<std::uint32_t> chosen_;
    std::vector<std::uint32_t> to_follow_;
};

} // namespace

std::vector<std::uint32_t> select_types(const struct btf *btf, const ProgramText &program) {
    const auto names = names_of(program);
    return Selection(btf, names).select();
}

} // namespace tcp_stats
