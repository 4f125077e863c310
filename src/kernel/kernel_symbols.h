// Names of the kernel's functions, from /proc/kallsyms.
#pragma once

#include <string>

namespace tcp_stats {

struct KernelSymbol {
    bool exists = false;
    /// The name of a special copy that the compiler made of the function (`f.isra.0`), if there is one.
    std::string clone;
};

/// Looks up a function by its name. Where kallsyms shows nothing (as to a service with ProtectKernelTunables=) it is
/// believed to exist.
KernelSymbol look_up_symbol(const std::string &function);

} // namespace tcp_stats
