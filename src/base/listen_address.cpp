#include "base/listen_address.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/descriptor.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr *get() const { return reinterpret_cast<const sockaddr *>(&storage); }
};

/// Size 0: `host` is no address.
SocketAddress socket_address(const std::string &host, std::uint16_t port) {
    SocketAddress made;
    sockaddr_in ipv4{};
    sockaddr_in6 ipv6{};
    if (inet_pton(AF_INET, host.c_str(), &ipv4.sin_addr) == 1) {
        ipv4.sin_family = AF_INET;
        ipv4.sin_port = htons(port);
        made.size = sizeof(ipv4);
        std::memcpy(&made.storage, &ipv4, sizeof(ipv4));
    } else if (inet_pton(AF_INET6, host.c_str(), &ipv6.sin6_addr) == 1) {
        ipv6.sin6_family = AF_INET6;
        ipv6.sin6_port = htons(port);
        made.size = sizeof(ipv6);
        std::memcpy(&made.storage, &ipv6, sizeof(ipv6));
    }
    return made;
}

} // namespace

Result<ListenAddress> parse_listen_address(const std::string &text) {
    ListenAddress address{"127.0.0.1", 0, text};
    auto port = text;
    if (const auto colon = text.rfind(':'); colon != text.npos) {
        address.host = text.substr(0, colon);
        port = text.substr(colon + 1);
        const bool bracketed = address.host.starts_with('[') && address.host.ends_with(']');
        if (bracketed) {
            address.host = address.host.substr(1, address.host.size() - 2);
        }
        if (bracketed != (address.host.find(':') != text.npos)) {
            address.host.clear();
        }
    }
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || stop != port.data() + port.size() || address.port == 0 ||
        socket_address(address.host, address.port).size == 0) {
        return fail(ErrorKind::usage,
                    tr("--metrics {}: it accepts a PORT of this host's own (127.0.0.1), or an address "
                       "too, as 0.0.0.0:9435",
                       text));
    }
    return address;
}

Result<void> check_listen_address(const ListenAddress &address) {
    const auto at = socket_address(address.host, address.port);
    const Descriptor socket(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (at.storage.ss_family == AF_INET6) { // as the server does
        setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
    }
    if (socket.get() >= 0 && bind(socket.get(), at.get(), at.size) == 0 && listen(socket.get(), 1) == 0) {
        return {};
    }
    switch (errno) {
    case EADDRINUSE:
        return fail(ErrorKind::busy, tr("--metrics {}: another process listens there; choose another port, or find it "
                                        "with: ss -ltnp 'sport = {}'",
                                        address.written, address.port));
    case EADDRNOTAVAIL:
        return fail(ErrorKind::busy,
                    tr("--metrics {}: that address is not this host's; ip addr shows those that are", address.written));
    case EACCES:
        return fail(ErrorKind::no_privilege,
                    tr("--metrics {}: not allowed to listen on that port; choose one above 1023", address.written));
    default:
        return fail(ErrorKind::usage, tr("--metrics {}: {}", address.written, std::strerror(errno)));
    }
}

} // namespace tcp_stats
