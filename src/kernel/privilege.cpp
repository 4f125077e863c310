#include "kernel/privilege.h"

#include <array>

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/translate.h"

namespace tcp_stats {
namespace {

class EffectiveCapabilities {
public:
    EffectiveCapabilities() {
        __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        if (syscall(SYS_capget, &header, sets_.data()) != 0) {
            sets_ = {};
        }
    }
    bool has(int capability) const {
        return (sets_[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
    }

private:
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets_{};
};

} // namespace

Result<void> check_privilege() {
    const EffectiveCapabilities mine;
    if (mine.has(CAP_SYS_ADMIN) || (mine.has(CAP_BPF) && mine.has(CAP_PERFMON))) {
        return {};
    }
    return fail(ErrorKind::no_privilege, tr("not allowed to load BPF programs into the kernel; run it with sudo, or "
                                            "with the capabilities CAP_BPF and CAP_PERFMON"));
}

} // namespace tcp_stats
