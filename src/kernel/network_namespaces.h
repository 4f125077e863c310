// The network namespaces of this host, and how to be in one for a while.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tcp_stats {

struct NetworkNamespace {
    std::uint64_t inode; ///< as a socket's net->ns.inum
    std::string path;    ///< a file of nsfs; it may be gone by the time it is opened
};

/// This process's own first, then those of all processes and those that are mounted (ip netns, container runtimes),
/// each once. One that only an open file descriptor or a thread of its own keeps is not found.
std::vector<NetworkNamespace> network_namespaces();

/// The inode number of that of a file of nsfs; nothing where `path` is no network namespace that can be opened.
std::optional<std::uint64_t> network_namespace_at(const std::string &path);

/// Whether the network namespace that this thread is in has TCP sockets that listen, connect or are connected, as the
/// kernel counts them for /proc/net/sockstat and sockstat6 (sock_prot_inuse_get()). True where it does not tell.
bool has_tcp_sockets();

/// This thread is in another network namespace while it lives.
class NamespaceVisit {
public:
    /// Check `entered`: a namespace may have gone, and CAP_SYS_ADMIN is needed.
    explicit NamespaceVisit(const std::string &path);
    /// Ends the process when the way back is barred: it would go on in the wrong place.
    ~NamespaceVisit();
    NamespaceVisit(const NamespaceVisit &) = delete;
    NamespaceVisit &operator=(const NamespaceVisit &) = delete;

    bool entered() const { return entered_; }

    /// Of the namespace entered.
    std::uint64_t inode() const { return inode_; }

private:
    int home_fd_;
    bool entered_ = false;
    std::uint64_t inode_ = 0;
};

} // namespace tcp_stats
