// Addresses, ends of connections, and the networks they are in.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace tcp_stats {

enum class AddressFamily : std::uint8_t { ipv4, ipv6 };

struct Address {
    AddressFamily family = AddressFamily::ipv4;
    std::array<std::uint8_t, 16> bytes{}; ///< network order; IPv4 in the first four bytes

    auto operator<=>(const Address &) const = default; // NOLINT(modernize-use-nullptr): it is none
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0; ///< host order

    auto operator<=>(const Endpoint &) const = default; // NOLINT(modernize-use-nullptr): it is none
};

struct Network {
    Address address;   ///< bits beyond the network's own do not count
    unsigned bits = 0; ///< of the address that are the network's

    auto operator<=>(const Network &) const = default; // NOLINT(modernize-use-nullptr): it is none
};

/// Room that is enough for any of them as text.
inline constexpr std::size_t longest_end = 64;

/// As inet_ntop(3) has it (RFC 5952): `10.0.0.1` or `2001:db8::1`; with its port `10.0.0.1:443` or `[2001:db8::1]:443`;
/// `10.0.0.0/24`. Writes to `text`, which has room for `longest_end`, without a NUL. Returns the end.
char *to_chars(char *text, const Address &address);
char *to_chars(char *text, const Endpoint &endpoint);
char *to_chars(char *text, const Network &network);

/// An IPv4 address in an IPv6 one (::ffff:a.b.c.d; RFC 4291, 2.5.5.2) as itself, any other as it is.
Address plain(const Address &address);

/// Of `10.0.0.0/8`, `2001:db8::/32`, or an address alone. A network of IPv4 addresses in IPv6 ones is that of the IPv4
/// addresses.
std::optional<Network> network_of(const std::string &text);

/// Whether `address`, made plain, is in `network`.
bool contains(const Network &network, const Address &address);

/// The network of `bits` that `address` is in, with nothing beyond them.
Network network_around(Address address, unsigned bits);

} // namespace tcp_stats

template <typename End>
requires requires(char *text, const End &end) { tcp_stats::to_chars(text, end); }
struct fmt::formatter<End> {
    constexpr auto parse(format_parse_context &context) { return context.begin(); }
    template <typename Context> auto format(const End &end, Context &context) const {
        std::array<char, tcp_stats::longest_end> text{};
        return std::copy(text.data(), to_chars(text.data(), end), context.out());
    }
};
