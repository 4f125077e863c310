// What the running kernel says of itself.
#pragma once

#include <string>

namespace tcp_stats {

/// Where a kernel describes its types (CONFIG_DEBUG_INFO_BTF).
inline constexpr const char *kernel_btf_path = "/sys/kernel/btf/vmlinux";

/// As uname -r says it.
std::string running_kernel_release();

/// As hostname(1) says it.
std::string host_name();

/// Another with each boot; empty where there is no /proc.
std::string boot_id();

/// Whether this kernel describes its types itself.
bool kernel_has_btf();

/// What tells this kernel from every other: release, version, build id, and whether it has BTF.
std::string running_kernel_identity();

} // namespace tcp_stats
