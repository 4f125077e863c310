// Which kernels a program is compiled for.
#pragma once

#include <cstdlib>
#include <sstream>
#include <vector>

#include "base/running_kernel.h"
#include "compile/compile_request.h"

/// TCP_STATS_KERNELS has a release and the path of its types in each line; without it there is the running kernel.
inline std::vector<tcp_stats::TargetKernel> kernels() {
    const char *list = std::getenv("TCP_STATS_KERNELS");
    if (list == nullptr) {
        return {{tcp_stats::running_kernel_release(), tcp_stats::kernel_btf_path}};
    }
    std::vector<tcp_stats::TargetKernel> found;
    std::istringstream lines(list);
    for (tcp_stats::TargetKernel kernel; lines >> kernel.release >> kernel.btf;) {
        found.push_back(kernel);
    }
    return found;
}
