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

char *write_ipv4(char *text, const std::uint8_t *bytes) {
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0) {
            *text++ = '.';
        }
        text = to_chars(text, unsigned{bytes[i]});
    }
    return text;
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
    if (address.family == AddressFamily::ipv4) {
        return write_ipv4(text, address.bytes.data());
    }
    const auto word = [&](std::size_t i) { return address.bytes[2 * i] << 8U | address.bytes[2 * i + 1]; };
    std::size_t zeros = 0; // where the longest run of words that are 0 begins, and how many there are
    std::size_t count = 0;
    for (std::size_t i = 0, length = 0; i < 8; ++i) {
        length = word(i) == 0 ? length + 1 : 0;
        if (length > count) {
            count = length;
            zeros = i + 1 - length;
        }
    }
    const bool ends_as_ipv4 = zeros == 0 && (count == 6 || (count == 5 && word(5) == 0xffff));
    for (std::size_t i = 0; i < 8;) {
        if (i == zeros && count > 1) {
            *text++ = ':';
            i += count;
            *text++ = ':';
            continue;
        }
        if (i > 0 && text[-1] != ':') {
            *text++ = ':';
        }
        if (i == 6 && ends_as_ipv4) {
            return write_ipv4(text, &address.bytes[12]);
        }
        text = std::to_chars(text, text + 4, word(i), 16).ptr;
        ++i;
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

bool contains(const Network &network, const Address &address) {
    return network_around(plain(address), network.bits) == network_around(network.address, network.bits);
}

Network network_around(Address address, unsigned bits) {
    for (unsigned i = 0; i < address.bytes.size(); ++i) {
        const auto kept = std::min(8U, bits - std::min(bits, 8 * i));
        address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return {address, bits};
}

} // namespace tcp_stats
