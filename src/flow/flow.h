// One TCP connection as seen from one of its sockets, and a snapshot of all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace tcp_stats {

enum class AddressFamily { ipv4, ipv6 };

/// An address and a port, both ready to print.
struct Endpoint {
    AddressFamily family = AddressFamily::ipv4;
    std::array<std::uint8_t, 16> address{}; ///< network order; IPv4 in the first four bytes
    std::uint16_t port = 0;                 ///< host order
};

/// `10.0.0.1:443` or `[2001:db8::1]:443`.
std::string to_string(const Endpoint &endpoint);

/// The name of a state of include/net/tcp_states.h as ss(8) and netstat(8) have it (`ESTABLISHED`),
/// or its number where it has no name.
std::string tcp_state_name(std::uint64_t state);

/// The value of a field that the program defines beyond the known ones.
using FieldValue = std::variant<std::uint64_t, std::int64_t, std::string, std::vector<std::uint8_t>>;

/// The fields carry the names of the BPF program's struct; docs/fields.md says what each means.
struct Flow {
    std::uint64_t sock = 0; ///< address of the kernel's struct sock
    Endpoint local;
    Endpoint remote;
    std::uint64_t protocol = 0;
    std::uint64_t pkts_sent = 0;
    std::uint64_t bytes_sent = 0;
    std::uint64_t retransmits = 0;
    std::uint64_t srtt_us = 0; ///< as the kernel keeps it: µs times 8
    std::uint64_t rtt_us = 0;  ///< µs
    std::uint64_t cwnd = 0;    ///< segments of one MSS
    std::uint64_t state = 0;
    std::uint64_t last_seen_ns = 0;  ///< bpf_ktime_get_ns(), that is CLOCK_MONOTONIC
    std::vector<FieldValue> further; ///< in the order of Snapshot::further_fields
};

struct Snapshot {
    /// Names of the program's own fields, in its order.
    std::vector<std::string> further_fields;
    std::vector<Flow> flows;
};

} // namespace tcp_stats
