// What --metrics serves of connections.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "record/value.h"

namespace tcp_stats {

/// What is counted of each group of flows, always from 0 up.
enum class Counter : std::uint8_t {
    opened_active,
    opened_passive,
    sent_bytes,
    acked_bytes,
    received_bytes,
    retransmitted_bytes,
    sent_segments,
    received_segments,
    retransmitted_fast,
    retransmitted_rto,
    retransmitted_probe,
    retransmitted_syn,
    retransmitted_unseen,
    out_of_order,
    spurious,
    limited_app_us,
    limited_cwnd_us,
    limited_rwnd_us,
    limited_sndbuf_us,
    limited_loss_us,
};
inline constexpr std::size_t counter_count = 20;

/// A counter of the flows, and the member of the program's record whose growth it is; null: it is computed.
struct CounterSource {
    Counter counter;
    const char *member;
};
std::span<const CounterSource> counter_sources();

/// A metric that has a value for each group, or one for each value of a further label.
struct CounterFamily {
    struct Part {
        const char *label_value; ///< null: there is no further label
        Counter counter;
    };

    const char *name; ///< without the prefix
    const char *help;
    const char *label; ///< null: none
    std::span<const Part> parts;
    double per_unit = 1; ///< of what is counted, in one of the unit that the name says
};
std::span<const CounterFamily> counter_families();

/// A metric of how long something took.
struct HistogramFamily {
    const char *name; ///< without the prefix
    const char *help;
    std::span<const double> bounds_s; ///< upper ones, but for the last, which has none
};
enum class Duration : std::uint8_t { rtt, handshake, connection };
inline constexpr std::size_t duration_count = 3;
const HistogramFamily &family_of(Duration duration);

/// The most bounds that a histogram has.
inline constexpr std::size_t most_bounds = 12;

/// Metrics that have a value for each word: of states, endings, errors.
struct WordFamily {
    const char *name; ///< without the prefix
    const char *help;
    const char *label;
    Naming naming;
    bool is_counter;
};
enum class Words : std::uint8_t { connections, ended, failed };
inline constexpr std::size_t words_count = 3;
const WordFamily &family_of(Words words);

/// All labels that families have by themselves.
bool is_label_of_a_family(std::string_view name);

} // namespace tcp_stats
