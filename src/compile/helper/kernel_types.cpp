#include "compile/helper/kernel_types.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "base/translate.h"
#include "compile/helper/btf_header.h"
#include "compile/helper/kernel_features.h"
#include "kernel_macros.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

/// The name must be found nowhere else: BCC has the current directory on its include path.
constexpr const char *types_header = "tcp_stats_monitor_kernel_types.h";

/// What BCC's own headers include, and the original program's. Each is empty: kconfig.h, which BCC
/// includes first of all, brings everything.
constexpr const char *expected_headers[] = {
    "linux/types.h",    "linux/log2.h",        "linux/bpf_common.h",          "linux/skbuff.h",
    "linux/tcp.h",      "uapi/linux/bpf.h",    "uapi/linux/if_ether.h",       "uapi/linux/if_packet.h",
    "uapi/linux/tcp.h", "uapi/linux/ptrace.h", "uapi/linux/bpf_perf_event.h", "asm/page.h",
    "net/sock.h",
};

constexpr const char *empty_header = "/* Its types come from BTF, through linux/kconfig.h. */\n";

constexpr const char *kconfig_header = R"(#pragma once
#define CONFIG_BPF_SYSCALL 1
#define CONFIG_NET 1
#define CONFIG_INET 1
#define PAGE_SIZE {}
{}#include "{}"
)";

constexpr const char *version_header = R"(#pragma once
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))
#define LINUX_VERSION_CODE KERNEL_VERSION({}, {}, {})
)";

std::string version_header_of(const std::string &release) {
    int version = 0;
    int patchlevel = 0;
    int sublevel = 0;
    std::sscanf(release.c_str(), "%d.%d.%d", &version, &patchlevel, &sublevel);
    return fmt::format(fmt::runtime(version_header), version, patchlevel, sublevel);
}

/// Whether a kernel header of this name may stand in the private tree: BCC's own headers are virtual,
/// and a path that climbs out of the tree is none.
bool belongs_to_kernel(const std::string &include) {
    return !include.starts_with("bcc/") && !include.starts_with('/') && include.find("..") == std::string::npos;
}

void write_tree(const fs::path &tree, const CompileRequest &request, const struct btf *btf, const std::string &types) {
    const auto include = tree / "include";
    for (const auto *header : expected_headers) {
        write_file(include / header, empty_header);
    }
    for (const auto &header : request.program.includes()) {
        if (belongs_to_kernel(header)) {
            write_file(include / header, empty_header);
        }
    }
    const bool ipv6 = has_member(btf, "sock_common", "skc_v6_daddr");
    write_file(include / "linux" / types_header, types + kernel_macros_text);
    write_file(include / "linux/kconfig.h", fmt::format(fmt::runtime(kconfig_header), sysconf(_SC_PAGESIZE),
                                                        ipv6 ? "#define CONFIG_IPV6 1\n" : "", types_header));
    write_file(include / "linux/version.h", version_header_of(request.kernel.release));
}

} // namespace

void write_file(const fs::path &file, const std::string &text) {
    fs::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    stream.exceptions(std::ios::badbit | std::ios::failbit);
    stream << text;
    stream.close();
}

Result<void> write_kernel_types(const fs::path &tree, const CompileRequest &request, const struct btf *btf) {
    const auto scope = request.types == TypeSource::btf ? BtfScope::named : BtfScope::whole;
    const auto types = btf_header(btf, scope, request.program);
    if (!types) {
        return tl::unexpected(types.error());
    }
    write_tree(tree, request, btf, *types);
    return {};
}

} // namespace tcp_stats
