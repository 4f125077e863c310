#include "flow/flow.h"

#include <arpa/inet.h>

#include <fmt/format.h>

namespace tcp_stats {

std::string to_string(const Endpoint &endpoint) {
    char text[INET6_ADDRSTRLEN] = "";
    if (endpoint.family == AddressFamily::ipv6) {
        inet_ntop(AF_INET6, endpoint.address.data(), text, sizeof(text));
        return fmt::format("[{}]:{}", text, endpoint.port);
    }
    inet_ntop(AF_INET, endpoint.address.data(), text, sizeof(text));
    return fmt::format("{}:{}", text, endpoint.port);
}

std::string tcp_state_name(std::uint64_t state) {
    static constexpr std::array names = {"",          "ESTABLISHED", "SYN_SENT",   "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
                                         "TIME_WAIT", "CLOSE",       "CLOSE_WAIT", "LAST_ACK", "LISTEN",    "CLOSING"};
    if (state == 0 || state >= names.size()) {
        return std::to_string(state);
    }
    return names[state];
}

} // namespace tcp_stats
