#include "record/network.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace tcp_stats {

Address plain(const Address &address) {
    static constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (address.family == AddressFamily::ipv4 || std::memcmp(address.bytes.data(), mapped, sizeof(mapped)) != 0) {
        return address;
    }
    Address ipv4;
    std::copy(address.bytes.begin() + sizeof(mapped), address.bytes.end(), ipv4.bytes.begin());
    return ipv4;
}

std::optional<Network> network_of(const std::string &text) {
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    Network network;
    if (inet_pton(AF_INET, address.c_str(), network.address.bytes.data()) == 1) {
        network.bits = 32;
    } else if (inet_pton(AF_INET6, address.c_str(), network.address.bytes.data()) == 1) {
        network.address.family = AddressFamily::ipv6;
        network.bits = 128;
    } else {
        return std::nullopt;
    }
    if (slash != std::string::npos) {
        const auto *end = text.data() + text.size();
        unsigned bits = 0;
        const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
        if (error != std::errc() || stop != end || bits > network.bits) {
            return std::nullopt;
        }
        network.bits = bits;
    }
    constexpr unsigned mapped_bits = 96;
    if (const auto ipv4 = plain(network.address); !(ipv4 == network.address) && network.bits >= mapped_bits) {
        network = {ipv4, network.bits - mapped_bits};
    }
    return network;
}

bool contains(const Network &network, const Address &any_form) {
    const auto address = plain(any_form);
    if (address.family != network.address.family) {
        return false;
    }
    for (unsigned bit = 0; bit < network.bits; bit += 8) {
        const auto mask = static_cast<std::uint8_t>(0xff00U >> std::min(8U, network.bits - bit));
        if (((address.bytes[bit / 8] ^ network.address.bytes[bit / 8]) & mask) != 0) {
            return false;
        }
    }
    return true;
}

} // namespace tcp_stats
