#include "kernel/btf_header.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <regex>
#include <sstream>
#include <string_view>
#include <vector>

#include <bpf/btf.h>

#include "base/translate.h"

namespace tcp_stats {
namespace {

/// What a text can name of BTF: structs, unions and enums by tag; typedefs and constants by a word.
struct Names {
    std::set<std::string> tags;
    std::set<std::string> words;
};

/// What every TCP program works with, and what BCC's own helpers.h and proto.h take for granted.
Names always_named() {
    return {{"sock",
             "tcp_sock",
             "inet_sock",
             "inet_connection_sock",
             "request_sock",
             "tcp_request_sock",
             "tcp_congestion_ops",
             "socket",
             "net",
             "sk_buff",
             "msghdr",
             "iov_iter",
             "sockaddr",
             "sockaddr_in",
             "sockaddr_in6",
             "in6_addr",
             "iphdr",
             "ipv6hdr",
             "tcphdr",
             "ethhdr",
             "pt_regs"},
            {"TCP_ESTABLISHED",
             "IPPROTO_TCP",
             "TCP_CA_Open",
             "true",
             "bool",
             "size_t",
             "ssize_t",
             "pid_t",
             "uid_t",
             "gid_t",
             "dev_t",
             "loff_t",
             "ktime_t",
             "uintptr_t",
             "u8",
             "u16",
             "u32",
             "u64",
             "s8",
             "s16",
             "s32",
             "s64",
             "__u8",
             "__u16",
             "__u32",
             "__u64",
             "__s8",
             "__s16",
             "__s32",
             "__s64",
             "__be16",
             "__be32",
             "__be64",
             "__le16",
             "__le32",
             "__le64",
             "__sum16",
             "__wsum",
             "atomic_t",
             "atomic64_t",
             "uint8_t",
             "uint16_t",
             "uint32_t",
             "uint64_t",
             "int8_t",
             "int16_t",
             "int32_t",
             "int64_t"}};
}

bool names_one_of(const struct btf *btf, const btf_type *type, const Names &names) {
    const auto is_in = [&](const std::set<std::string> &set, __u32 offset) {
        const char *name = btf__name_by_offset(btf, offset);
        return name != nullptr && set.count(name) != 0;
    };
    bool any = false;
    switch (btf_kind(type)) {
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
        return is_in(names.tags, type->name_off);
    case BTF_KIND_TYPEDEF:
        return is_in(names.words, type->name_off);
    case BTF_KIND_ENUM:
        any = is_in(names.tags, type->name_off);
        for (int i = 0; i < btf_vlen(type) && !any; ++i) {
            any = is_in(names.words, btf_enum(type)[i].name_off);
        }
        return any;
    case BTF_KIND_ENUM64:
        any = is_in(names.tags, type->name_off);
        for (int i = 0; i < btf_vlen(type) && !any; ++i) {
            any = is_in(names.words, btf_enum64(type)[i].name_off);
        }
        return any;
    default:
        return false;
    }
}

void append_formatted(void *context, const char *format, va_list arguments) {
    auto &text = *static_cast<std::string *>(context);
    va_list again;
    va_copy(again, arguments);
    const int length = vsnprintf(nullptr, 0, format, arguments);
    const auto old_size = text.size();
    text.resize(old_size + static_cast<std::size_t>(length) + 1);
    vsnprintf(text.data() + old_size, static_cast<std::size_t>(length) + 1, format, again);
    va_end(again);
    text.pop_back();
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Whether uapi/linux/bpf.h, of which BCC brings its own copy, may define `word`.
bool is_uapi_bpf_name(std::string_view word) {
    static constexpr std::array<std::string_view, 7> prefixes = {"bpf_",      "BPF_",     "__bpf_",  "__BPF_",
                                                                 "__MAX_BPF", "MAX_BPF_", "TCP_BPF_"};
    static const std::set<std::string_view> words = {
        "__sk_buff",       "xdp_md",       "xdp_action",    "XDP_ABORTED",  "XDP_DROP",      "XDP_PASS",
        "XDP_TX",          "XDP_REDIRECT", "sk_action",     "SK_DROP",      "SK_PASS",       "btf_ptr",
        "sk_reuseport_md", "sk_msg_md",    "BTF_F_COMPACT", "BTF_F_NONAME", "BTF_F_PTR_RAW", "BTF_F_ZERO",
        "tcx_action_base", "TCX_NEXT",     "TCX_PASS",      "TCX_DROP",     "TCX_REDIRECT"};
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view prefix) { return word.starts_with(prefix); }) ||
           words.count(word) != 0;
}

/// `line` with the prefix `kernel_` before each word that begins like BCC's uapi names.
void append_renamed(std::string &text, std::string_view line) {
    for (std::size_t at = 0; at < line.size();) {
        if (!is_word(line[at])) {
            text += line[at++];
            continue;
        }
        auto end = at;
        while (end < line.size() && is_word(line[end])) {
            ++end;
        }
        const auto word = line.substr(at, end - at);
        if (is_uapi_bpf_name(word)) {
            text += "kernel_";
        }
        text += word;
        at = end;
    }
}

/// The width in bits of an unnamed bit-field that fills all of its type (`long: 64;`), or "" where
/// `line` is anything else. `type` is "char", "short", "int" or "long".
std::string_view full_width_padding(std::string_view line) {
    const auto begin = line.find_first_not_of('\t');
    if (begin == std::string_view::npos) {
        return {};
    }
    const auto text = line.substr(begin);
    for (const std::string_view padding : {"long: 64;", "int: 32;", "short: 16;", "char: 8;"}) {
        if (text == padding) {
            return padding.substr(0, padding.find(':'));
        }
    }
    return {};
}

/// The name of the type whose definition begins with `line`, as in `struct sock {`; else empty.
std::string_view defined_name(std::string_view line) {
    for (const std::string_view keyword : {"struct ", "union ", "enum "}) {
        if (line.starts_with(keyword) && line.ends_with(" {")) {
            return line.substr(keyword.size(), line.size() - keyword.size() - 2);
        }
    }
    return {};
}

} // namespace

std::string adapt_dump(const std::string &dump, const std::set<std::string> &defined_elsewhere) {
    std::string text;
    text.reserve(dump.size() + dump.size() / 8);
    int padding = 0;
    bool dropping = false;
    std::string_view rest = dump;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        if (dropping) {
            dropping = !line.starts_with('}');
            continue;
        }
        if (const auto name = defined_name(line); !name.empty() && defined_elsewhere.count(std::string(name)) != 0) {
            dropping = true;
            continue;
        }
        if (const auto type = full_width_padding(line); !type.empty()) {
            text += fmt::format("\t{} __btf_padding_{};\n", type, padding++);
            continue;
        }
        append_renamed(text, line);
        text += '\n';
    }
    return text;
}

Result<std::string> btf_header(const struct btf *btf, BtfScope scope, const ProgramText &program) {
    auto names = always_named();
    names.words.merge(program.identifiers());
    names.tags.merge(program.mentioned_types());
    const auto defined_types = program.defined_types();
    for (const auto &name : defined_types) {
        names.tags.erase(name);
    }

    std::string dump;
    const std::unique_ptr<btf_dump, decltype(&btf_dump__free)> printer(
        btf_dump__new(btf, append_formatted, &dump, nullptr), btf_dump__free);
    if (!printer) {
        return fail(ErrorKind::defect, tr("libbpf cannot print this kernel's BTF: {}", std::strerror(errno)));
    }
    const auto count = btf__type_cnt(btf);
    for (__u32 id = 1; id < count; ++id) {
        if (scope == BtfScope::named && !names_one_of(btf, btf__type_by_id(btf, id), names)) {
            continue;
        }
        if (const int error = btf_dump__dump_type(printer.get(), id); error < 0) {
            return fail(ErrorKind::defect,
                        tr("libbpf cannot print type {} of this kernel's BTF: {}; try --kernel-types headers", id,
                           std::strerror(-error)));
        }
    }
    return adapt_dump(dump, defined_types);
}

} // namespace tcp_stats
