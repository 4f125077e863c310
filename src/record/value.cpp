#include "record/value.h"

#include <cctype>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include <fmt/ranges.h>
#include <sys/socket.h>

namespace tcp_stats {
namespace {

using namespace std::string_view_literals;

constexpr auto tcp_states =
    std::to_array({""sv, "ESTABLISHED"sv, "SYN_SENT"sv, "SYN_RECV"sv, "FIN_WAIT1"sv, "FIN_WAIT2"sv, "TIME_WAIT"sv,
                   "CLOSE"sv, "CLOSE_WAIT"sv, "LAST_ACK"sv, "LISTEN"sv, "CLOSING"sv});
constexpr auto ca_states = std::to_array({"Open"sv, "Disorder"sv, "CWR"sv, "Recovery"sv, "Loss"sv});
constexpr auto roles = std::to_array({""sv, "active"sv, "passive"sv});
constexpr auto families = [] {
    std::array<std::string_view, AF_INET6 + 1> names;
    names[AF_INET] = "ipv4";
    names[AF_INET6] = "ipv6";
    return names;
}();
constexpr auto ending_names = std::to_array({""sv,
                                             "local_close"sv,
                                             "peer_close"sv,
                                             "simultaneous_close"sv,
                                             "reset_received"sv,
                                             "reset_after_close"sv,
                                             "reset_unread"sv,
                                             "reset_linger"sv,
                                             "reset_not_accepted"sv,
                                             "reset_memory"sv,
                                             "reset_sent"sv,
                                             "aborted"sv,
                                             "refused"sv,
                                             "unreachable"sv,
                                             "connect_timeout"sv,
                                             "connect_given_up"sv,
                                             "retransmit_timeout"sv,
                                             "probe_timeout"sv,
                                             "keepalive_timeout"sv,
                                             "user_timeout"sv,
                                             "fin_wait2_timeout"sv,
                                             "failed_at_once"sv});
constexpr auto limits = std::to_array({"app"sv, "cwnd"sv, "rwnd"sv, "sndbuf"sv, "loss"sv});

constexpr int most_errno = EHWPOISON;

bool is_same_word(std::string_view one, std::string_view other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

template <typename T> int three_way(const T &one, const T &other) { return one < other ? -1 : other < one ? 1 : 0; }

struct InOrder {
    /// A double holds 53 bits: whole numbers are compared as such.
    template <typename One, typename Other> int operator()(const One &one, const Other &other) const {
        if constexpr (std::is_integral_v<One> && std::is_integral_v<Other>) {
            return std::cmp_less(one, other) ? -1 : std::cmp_less(other, one) ? 1 : 0;
        } else if constexpr (std::is_arithmetic_v<One> && std::is_arithmetic_v<Other>) {
            return three_way(static_cast<double>(one), static_cast<double>(other));
        } else if constexpr (!std::is_same_v<One, Other>) {
            return 0; // not asked for
        } else if constexpr (std::is_same_v<One, RawBytes>) {
            const auto &[a, b] = std::pair(one.bytes, other.bytes);
            return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end())   ? -1
                   : std::lexicographical_compare(b.begin(), b.end(), a.begin(), a.end()) ? 1
                                                                                          : 0;
        } else if constexpr (std::is_same_v<One, Word>) {
            return three_way(one.number, other.number);
        } else {
            return three_way(one, other);
        }
    }
};

} // namespace

std::span<const std::string_view> names_of(Naming naming) {
    switch (naming) {
    case Naming::tcp_state:
        return tcp_states;
    case Naming::ca_state:
        return ca_states;
    case Naming::role:
        return roles;
    case Naming::family:
        return families;
    case Naming::limit:
        return limits;
    case Naming::ending:
        return ending_names;
    case Naming::error: {
        static const auto errors = [] {
            std::array<std::string_view, most_errno + 1> names;
            for (int number = 1; number <= most_errno; ++number) {
                const auto *name = strerrorname_np(number);
                names[static_cast<std::size_t>(number)] = name == nullptr ? "" : name;
            }
            return names;
        }();
        return errors;
    }
    case Naming::none:
        break;
    }
    return {};
}

std::string_view name_of(const Word &word) {
    const auto names = names_of(word.naming);
    return word.number < names.size() ? names[word.number] : std::string_view();
}

std::optional<std::uint64_t> number_named(Naming naming, std::string_view name) {
    const auto names = names_of(naming);
    const auto found = std::find_if(names.begin(), names.end(),
                                    [&](std::string_view known) { return !name.empty() && is_same_word(known, name); });
    return found == names.end() ? std::nullopt : std::optional<std::uint64_t>(found - names.begin());
}

std::string to_string(const RawBytes &bytes) { return fmt::format("{:02x}", fmt::join(bytes.bytes, "")); }

int compare(const Value &one, const Value &other) {
    if (!(is_number(one) && is_number(other)) && one.index() != other.index()) {
        return three_way(one.index(), other.index());
    }
    return std::visit(InOrder(), one, other);
}

} // namespace tcp_stats
