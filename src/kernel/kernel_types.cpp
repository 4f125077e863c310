#include "kernel/kernel_types.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include <bpf/btf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/translate.h"
#include "kernel/btf_header.h"
#include "kernel_macros.h"

namespace tcp_stats {
namespace {

namespace fs = std::filesystem;

constexpr const char *btf_path = "/sys/kernel/btf/vmlinux";
constexpr const char *kernel_source_variable = "BCC_KERNEL_SOURCE";

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

void write_file(const fs::path &file, const std::string &text) {
    fs::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    stream.exceptions(std::ios::badbit | std::ios::failbit);
    stream << text;
    stream.close();
}

bool has_member(const struct btf *btf, const char *type_name, const char *member) {
    const auto id = btf__find_by_name_kind(btf, type_name, BTF_KIND_STRUCT);
    if (id < 0) {
        return false;
    }
    const auto *type = btf__type_by_id(btf, static_cast<__u32>(id));
    for (int i = 0; i < btf_vlen(type); ++i) {
        const char *name = btf__name_by_offset(btf, btf_members(type)[i].name_off);
        if (name != nullptr && std::strcmp(name, member) == 0) {
            return true;
        }
    }
    return false;
}

Result<void> write_btf_tree(const fs::path &tree, BtfScope scope, const ProgramText &program) {
    const auto btf = kernel_btf();
    if (!btf) {
        return fail(
            ErrorKind::kernel_unsupported,
            tr("cannot read this kernel's BTF, {}: {}; try --kernel-types headers", btf_path, std::strerror(errno)));
    }
    auto types = btf_header(btf.get(), scope, program);
    if (!types) {
        return tl::unexpected(types.error());
    }
    const auto include = tree / "include";
    for (const auto *header : expected_headers) {
        write_file(include / header, empty_header);
    }
    for (const auto &header : program.includes()) {
        if (belongs_to_kernel(header)) {
            write_file(include / header, empty_header);
        }
    }
    const bool ipv6 = has_member(btf.get(), "sock_common", "skc_v6_daddr");
    write_file(include / "linux" / types_header, *types + kernel_macros_text);
    write_file(include / "linux/kconfig.h", fmt::format(fmt::runtime(kconfig_header), sysconf(_SC_PAGESIZE),
                                                        ipv6 ? "#define CONFIG_IPV6 1\n" : "", types_header));
    write_file(include / "linux/version.h", version_header_of(running_kernel_release()));
    return {};
}

} // namespace

std::string running_kernel_release() {
    struct utsname name {};
    uname(&name);
    return name.release;
}

std::string to_string(TypeSource source) {
    switch (source) {
    case TypeSource::btf:
        return tr("the kernel's BTF");
    case TypeSource::whole_btf:
        return tr("the kernel's whole BTF");
    case TypeSource::headers:
        return tr("the installed kernel headers");
    }
    return {};
}

std::shared_ptr<const btf> kernel_btf() {
    static std::weak_ptr<const btf> in_use;
    auto types = in_use.lock();
    if (!types) {
        if (auto *read = btf__parse(btf_path, nullptr)) {
            types = {read, [](btf *owned) { btf__free(owned); }};
            in_use = types;
        }
    }
    return types;
}

bool kernel_has_btf() { return access(btf_path, R_OK) == 0; }

bool kernel_headers_installed() {
    std::error_code error;
    if (const char *named = std::getenv(kernel_source_variable); named != nullptr && *named != '\0') {
        return fs::exists(fs::path(named) / "include/linux/kconfig.h", error);
    }
    const auto modules = fs::path("/lib/modules") / running_kernel_release();
    return fs::exists(modules / "source/include/linux/kconfig.h", error) ||
           fs::exists(modules / "build/include/linux/kconfig.h", error) ||
           fs::exists("/sys/kernel/kheaders.tar.xz", error);
}

Result<KernelTypes> KernelTypes::prepare(TypeSource source, const ProgramText &program) {
    if (source == TypeSource::headers && !kernel_headers_installed()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("no kernel headers for {} are installed; install the package linux-headers-{}, or use "
                       "--kernel-types btf",
                       running_kernel_release(), running_kernel_release()));
    }
    if (source != TypeSource::headers && !kernel_has_btf()) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("this kernel ({}) has no BTF at {} (CONFIG_DEBUG_INFO_BTF); install its headers and use "
                       "--kernel-types headers",
                       running_kernel_release(), btf_path));
    }
    const char *named = std::getenv("TMPDIR");
    const auto pattern = fs::absolute(named != nullptr && *named != '\0' ? named : "/tmp") / "tcp_stats_monitor.XXXXXX";
    auto made = pattern.string();
    if (mkdtemp(made.data()) == nullptr) {
        return fail(ErrorKind::kernel_unsupported,
                    tr("cannot make a private directory {} for the kernel's types: {}; set TMPDIR to a directory "
                       "that can be written",
                       pattern.string(), std::strerror(errno)));
    }
    KernelTypes types(made);
    if (source != TypeSource::headers) {
        try {
            const auto scope = source == TypeSource::btf ? BtfScope::named : BtfScope::whole;
            if (auto written = write_btf_tree(types.directory_, scope, program); !written) {
                return tl::unexpected(written.error());
            }
        } catch (const std::ios_base::failure &) {
            return fail(ErrorKind::kernel_unsupported,
                        tr("cannot write the kernel's types to {}: {}; set TMPDIR to a directory with room",
                           types.directory_.string(), std::strerror(errno)));
        } catch (const fs::filesystem_error &failure) {
            return fail(ErrorKind::kernel_unsupported,
                        tr("cannot write the kernel's types: {}; set TMPDIR to a directory with room", failure.what()));
        }
        setenv(kernel_source_variable, types.directory_.c_str(), 1);
    }
    return types;
}

KernelTypes::KernelTypes(fs::path directory) : directory_(std::move(directory)) {
    if (const char *previous = std::getenv(kernel_source_variable)) {
        previous_kernel_source_ = previous;
    }
    std::error_code error;
    previous_directory_ = fs::current_path(error);
    fs::current_path(directory_, error);
}

KernelTypes::KernelTypes(KernelTypes &&other) noexcept
    : directory_(std::exchange(other.directory_, {})), previous_directory_(std::move(other.previous_directory_)),
      previous_kernel_source_(std::move(other.previous_kernel_source_)) {}

KernelTypes::~KernelTypes() {
    if (directory_.empty()) {
        return;
    }
    if (previous_kernel_source_.empty()) {
        unsetenv(kernel_source_variable);
    } else {
        setenv(kernel_source_variable, previous_kernel_source_.c_str(), 1);
    }
    std::error_code error;
    fs::current_path(previous_directory_.empty() ? "/" : previous_directory_, error);
    fs::remove_all(directory_, error);
}

} // namespace tcp_stats
