// What a user may choose about how the program meets the kernel.
#pragma once

namespace tcp_stats {

/// --kernel-types: where the kernel's types come from.
enum class KernelTypesChoice { automatic, btf, headers };

/// --attach: how the hooks attach.
enum class AttachChoice { automatic, kprobe, fentry };

} // namespace tcp_stats
