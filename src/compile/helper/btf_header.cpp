#include "compile/helper/btf_header.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <string_view>
#include <vector>

#include <bpf/btf.h>

#include "base/translate.h"
#include "compile/helper/btf_selection.h"

namespace tcp_stats {
namespace {

/// btf_dump's printf.
void append_formatted(void *context, const char *format, va_list arguments) {
    char *text = nullptr;
    if (vasprintf(&text, format, arguments) >= 0) {
        *static_cast<std::string *>(context) += text;
        std::free(text);
    }
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Whether uapi/linux/bpf.h, of which BCC brings its own copy, may define `word`.
bool is_uapi_bpf_name(std::string_view word) {
    static constexpr std::array<std::string_view, 8> prefixes = {"bpf_",      "BPF_",     "__bpf_",   "__BPF_",
                                                                 "__MAX_BPF", "MAX_BPF_", "TCP_BPF_", "SK_BPF_"};
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

/// The type of an unnamed bit-field that fills all of it: "long" of `long: 64;`; empty where `line` is
/// anything else.
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
    std::string dump;
    const std::unique_ptr<btf_dump, decltype(&btf_dump__free)> printer(
        btf_dump__new(btf, append_formatted, &dump, nullptr), btf_dump__free);
    if (!printer) {
        return fail(ErrorKind::defect, tr("libbpf cannot print this kernel's BTF: {}", std::strerror(errno)));
    }
    std::vector<std::uint32_t> types;
    if (scope == BtfScope::named) {
        types = select_types(btf, program);
    } else {
        types.resize(btf__type_cnt(btf) - 1);
        std::iota(types.begin(), types.end(), 1);
    }
    for (const auto id : types) {
        if (const int error = btf_dump__dump_type(printer.get(), id); error < 0) {
            return fail(ErrorKind::defect,
                        tr("libbpf cannot print type {} of this kernel's BTF: {}; try --kernel-types headers", id,
                           std::strerror(-error)));
        }
    }
    return adapt_dump(dump, program.defined_types());
}

} // namespace tcp_stats
