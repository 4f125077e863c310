// Whether this process may load BPF programs.
#pragma once

#include "base/error.h"

namespace tcp_stats {

/// Error: no_privilege, without CAP_SYS_ADMIN and without the pair CAP_BPF and CAP_PERFMON
/// (capabilities(7), Linux 5.8).
Result<void> check_privilege();

} // namespace tcp_stats
