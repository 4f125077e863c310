// What a field of a flow can be: numbers, words that numbers stand for, text, addresses.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "record/network.h"

namespace tcp_stats {

/// What a number stands for.
enum class Naming : std::uint8_t {
    none,
    tcp_state, ///< include/net/tcp_states.h
    ca_state,  ///< enum tcp_ca_state
    role,      ///< who opened the connection
    family,    ///< AF_INET, AF_INET6
    limit,     ///< enum class Limit
    ending,    ///< enum ending of the built-in program
    error,     ///< errno
};

/// A number that stands for a word.
struct Word {
    Naming naming = Naming::none;
    std::uint64_t number = 0;

    bool operator==(const Word &) const = default;
};

/// As ss(8) and netstat(8) have it (`ESTABLISHED`, include/net/tcp_states.h), `Recovery` of enum tcp_ca_state, `active`
/// and `passive`, `ipv4` and `ipv6`, what limits a sender, how a connection ended, `ECONNRESET`. Empty: the number has
/// no name, and is shown itself.
std::string_view name_of(const Word &word);

/// All names that there are, with the numbers that they are of.
std::span<const std::string_view> names_of(Naming naming);

/// The number of that name, in small or capital letters.
std::optional<std::uint64_t> number_named(Naming naming, std::string_view name);

/// What limits a sender: the numbers of Naming::limit.
enum class Limit : std::uint8_t { app, cwnd, rwnd, sndbuf, loss };
inline constexpr std::size_t limit_count = 5;

// Of include/net/tcp_states.h.
inline constexpr std::uint64_t tcp_established = 1;
inline constexpr std::uint64_t tcp_close = 7;
inline constexpr std::uint64_t tcp_listen = 10;

/// What is no text and no number.
struct RawBytes {
    std::span<const std::byte> bytes;

    bool operator==(const RawBytes &other) const {
        return std::equal(bytes.begin(), bytes.end(), other.bytes.begin(), other.bytes.end());
    }
};

/// In hexadecimal digits.
std::string to_string(const RawBytes &bytes);

/// The value of a field; monostate: there is none. It owns nothing: text and bytes are where the record, or who else
/// made it, has them.
using Value = std::variant<std::monostate, std::uint64_t, std::int64_t, double, std::string_view, RawBytes, Word,
                           Address, Endpoint, Network>;
static_assert(std::is_trivially_copyable_v<Value>);

inline bool is_absent(const Value &value) { return value.index() == 0; }

/// Whether it is one of the three types of numbers.
inline bool is_number(const Value &value) { return value.index() >= 1 && value.index() <= 3; }

/// Less than 0, 0 or more: numbers by size, words by their numbers, texts by bytes, addresses by family and bits, ends
/// by address and port. Absent values equal each other and are less than all others.
int compare(const Value &one, const Value &other);

} // namespace tcp_stats
