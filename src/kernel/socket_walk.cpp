#include "kernel/socket_walk.h"

#include <cstring>

#include "base/translate.h"
#include "kernel/network_namespaces.h"

namespace tcp_stats {

Result<std::unordered_set<std::uint64_t>> walk_sockets(const BpfIterator &sockets) {
    std::unordered_set<std::uint64_t> walked;
    int own_result = 0;
    bool own = true;
    for (const auto &space : network_namespaces()) {
        if (own) {
            own = false;
            own_result = sockets.run();
            if (own_result == 0) {
                walked.insert(space.inode);
            }
        } else if (const NamespaceVisit visit(space.path); visit.entered() && sockets.run() == 0) {
            walked.insert(visit.inode());
        }
    }
    if (own_result != 0) {
        return fail(
            ErrorKind::kernel_unsupported,
            tr("cannot walk the TCP sockets (bpf_iter__tcp): {}; use a --src without it", std::strerror(-own_result)));
    }
    return walked;
}

} // namespace tcp_stats
