#include "record/network.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace tcp_stats {
namespace {

char *to_chars(char *text, unsigned number) {
    constexpr std::size_t most_digits = 10;
    return std::to_chars(text, text + most_digits, number).ptr;
}

/// With its brackets before a port.
char *with_brackets(char *text, const Address &address) {
    if (address.family == AddressFamily::ipv4) {
        return to_chars(text, address);
    }
    *text++ = '[';
    text = to_chars(text, address);
    *text++ = ']';
    return text;
}

} // namespace

char *to_chars(char *text, const Address &address) {
    if (address.family == AddressFamily::ipv6) {
        inet_ntop(AF_INET6, address.bytes.data(), text, longest_end);
        return text + std::strlen(text);
    }
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0) {
            *text++ = '.';
        }
        text = to_chars(text, unsigned{address.bytes[i]});
    }
    return text;
}

char *to_chars(char *text, const Endpoint &endpoint) {
    text = with_brackets(text, endpoint.address);
    *text++ = ':';
    return to_chars(text, unsigned{endpoint.port});
}

char *to_chars(char *text, const Network &network) {
    text = to_chars(text, network.address);
    *text++ = '/';
    return to_chars(text, network.bits);
}

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

Network network_around(Address address, unsigned bits) {
    for (unsigned i = 0; i < address.bytes.size(); ++i) {
        const auto kept = std::min(8U, bits - std::min(bits, 8 * i));
        address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return {address, bits};
}

} // namespace tcp_stats
