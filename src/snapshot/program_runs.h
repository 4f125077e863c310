// What the kernel's part of the monitor costs.
#pragma once

#include <cstdint>
#include <string>

namespace tcp_stats {

/// How long a program of BPF has run since it was loaded, as the kernel counts it (bpf_prog_info.run_time_ns).
struct ProgramRuns {
    std::string name; ///< of its handler: kprobe__tcp_sendmsg
    std::uint64_t run_ns = 0;
    std::uint64_t runs = 0;
};

} // namespace tcp_stats
