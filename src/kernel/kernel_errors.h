// Errors that the kernel returns and no errno.h of a C library has.
#pragma once

namespace tcp_stats {

/// ENOTSUPP (include/linux/errno.h of the kernel).
inline constexpr int kernel_enotsupp = 524;

} // namespace tcp_stats
