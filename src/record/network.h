// Addresses and the networks they are in.
#pragma once

#include <optional>
#include <string>

#include "record/value.h"

namespace tcp_stats {

struct Network {
    Address address;   ///< bits beyond the network's own do not count
    unsigned bits = 0; ///< of the address that are the network's
};

/// An IPv4 address in an IPv6 one (::ffff:a.b.c.d; RFC 4291, 2.5.5.2) as itself, any other as it is.
Address plain(const Address &address);

/// Of `10.0.0.0/8`, `2001:db8::/32`, or an address alone. A network of IPv4 addresses in IPv6 ones is that of the IPv4
/// addresses.
std::optional<Network> network_of(const std::string &text);

/// Whether `address`, made plain, is in `network`.
bool contains(const Network &network, const Address &address);

} // namespace tcp_stats
