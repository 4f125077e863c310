// Whether this process may load BPF programs.
#pragma once

#include "base/error.h"

namespace tcp_stats {

/// Errors: no_privilege, without CAP_SYS_ADMIN and without the pair CAP_BPF and CAP_PERFMON (capabilities(7),
/// Linux 5.8); kernel_unsupported, where a lockdown forbids it to everybody.
Result<void> check_privilege();

} // namespace tcp_stats
