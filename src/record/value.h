// One TCP connection as seen from one of its sockets: its ends, the names of its states, and values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tcp_stats {

enum class AddressFamily { ipv4, ipv6 };

struct Address {
    AddressFamily family = AddressFamily::ipv4;
    std::array<std::uint8_t, 16> bytes{}; ///< network order; IPv4 in the first four bytes

    bool operator==(const Address &) const = default;
    bool operator<(const Address &other) const {
        return family != other.family ? family < other.family : bytes < other.bytes;
    }
};

/// `10.0.0.1` or `2001:db8::1`.
std::string to_string(const Address &address);

struct Endpoint {
    Address address;
    std::uint16_t port = 0; ///< host order

    bool operator==(const Endpoint &) const = default;
};

/// `10.0.0.1:443` or `[2001:db8::1]:443`.
std::string to_string(const Endpoint &endpoint);

/// TCP_CLOSE of include/net/tcp_states.h.
inline constexpr std::uint64_t tcp_close = 7;

/// The name of a state of include/net/tcp_states.h as ss(8) and netstat(8) have it (`ESTABLISHED`),
/// or its number where it has no name.
std::string tcp_state_name(std::uint64_t state);

/// The name of a state of enum tcp_ca_state (`Recovery`), or its number.
std::string ca_state_name(std::uint64_t state);

/// Who opened a connection: `active`, this end, or `passive`; else the number.
std::string role_name(std::uint64_t role);

/// The name of an address family as --where has it, `ipv4` or `ipv6`, of AF_INET and AF_INET6; else the number.
std::string family_name(std::uint64_t family);

/// AF_INET or AF_INET6 by that name, in small or capital letters.
std::optional<std::uint64_t> family_number(std::string_view name);

/// The value of a field; monostate: there is none.
using Value =
    std::variant<std::monostate, std::uint64_t, std::int64_t, double, std::string, std::vector<std::uint8_t>, Address>;

/// Entries as the kernel hands them over: keys and values of equal number, values end to end.
struct RawEntries {
    std::vector<std::uint64_t> keys;
    std::vector<std::byte> values;
    /// Times that a walk through the table had to begin again, because the entry it stood at was deleted.
    std::uint64_t restarts = 0;
};

} // namespace tcp_stats
