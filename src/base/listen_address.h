// Where --metrics listens.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace tcp_stats {

struct ListenAddress {
    std::string host; ///< an IPv4 or IPv6 address
    std::uint16_t port = 0;
    std::string written = {}; ///< by the user
};

/// `PORT`, of 127.0.0.1; `ADDRESS:PORT`, IPv6 addresses in brackets. Error: usage.
Result<ListenAddress> parse_listen_address(const std::string &text);

/// Whether this process can listen there. Errors: busy, for an address that is not this host's or a port that another
/// process has; no_privilege.
Result<void> check_listen_address(const ListenAddress &address);

} // namespace tcp_stats
