#include "kernel/privilege.h"

#include <cap-ng.h>

#include "base/translate.h"

namespace tcp_stats {

Result<void> check_privilege() {
    const auto have = [](unsigned capability) { return capng_have_capability(CAPNG_EFFECTIVE, capability) == 1; };
    if (have(CAP_SYS_ADMIN) || (have(CAP_BPF) && have(CAP_PERFMON))) {
        return {};
    }
    return fail(ErrorKind::no_privilege, tr("not allowed to load BPF programs into the kernel; run it with sudo, or "
                                            "with the capabilities CAP_BPF and CAP_PERFMON"));
}

} // namespace tcp_stats
