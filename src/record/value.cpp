#include "record/value.h"

#include <algorithm>
#include <cctype>
#include <span>

#include <arpa/inet.h>

#include <fmt/format.h>

namespace tcp_stats {
namespace {

std::string name_or_number(std::uint64_t number, std::span<const char *const> names) {
    if (number >= names.size() || names[number] == nullptr) {
        return std::to_string(number);
    }
    return names[number];
}

} // namespace

std::string to_string(const Address &address) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(address.family == AddressFamily::ipv6 ? AF_INET6 : AF_INET, address.bytes.data(), text, sizeof(text));
    return text;
}

std::string to_string(const Endpoint &endpoint) {
    const auto *form = endpoint.address.family == AddressFamily::ipv6 ? "[{}]:{}" : "{}:{}";
    return fmt::format(fmt::runtime(form), to_string(endpoint.address), endpoint.port);
}

std::string tcp_state_name(std::uint64_t state) {
    static constexpr std::array names = {static_cast<const char *>(nullptr),
                                         "ESTABLISHED",
                                         "SYN_SENT",
                                         "SYN_RECV",
                                         "FIN_WAIT1",
                                         "FIN_WAIT2",
                                         "TIME_WAIT",
                                         "CLOSE",
                                         "CLOSE_WAIT",
                                         "LAST_ACK",
                                         "LISTEN",
                                         "CLOSING"};
    return name_or_number(state, names);
}

std::string ca_state_name(std::uint64_t state) {
    static constexpr std::array names = {"Open", "Disorder", "CWR", "Recovery", "Loss"};
    return name_or_number(state, names);
}

std::string role_name(std::uint64_t role) {
    static constexpr std::array names = {static_cast<const char *>(nullptr), "active", "passive"};
    return name_or_number(role, names);
}

std::string family_name(std::uint64_t family) {
    return family == AF_INET ? "ipv4" : family == AF_INET6 ? "ipv6" : std::to_string(family);
}

std::optional<std::uint64_t> family_number(std::string_view name) {
    const auto is = [&](std::string_view known) {
        return std::equal(name.begin(), name.end(), known.begin(), known.end(),
                          [](unsigned char one, char other) { return std::tolower(one) == other; });
    };
    return is("ipv4")   ? std::optional<std::uint64_t>(AF_INET)
           : is("ipv6") ? std::optional<std::uint64_t>(AF_INET6)
                        : std::nullopt;
}

} // namespace tcp_stats
