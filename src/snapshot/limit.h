// Why a flow is not faster: which limit took how much of the time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "record/record_reader.h"
#include "record/value.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

/// What the kernel has counted of one socket, in µs; tcp_sock.chrono_stat counts in timer ticks.
struct LimitCounters {
    std::uint64_t busy_us = 0; ///< with data to send or unacknowledged
    std::uint64_t rwnd_limited_us = 0;
    std::uint64_t sndbuf_limited_us = 0;
    std::uint64_t recovery_us = 0;
    std::uint64_t bytes_sent = 0;
    /// At the sample: the congestion window (tcp_sock.is_cwnd_limited) or pacing held data back.
    bool cwnd_limited = false;
    /// At the sample: all was sent, and the application waited for room in the send buffer.
    bool sndbuf_limited = false;
};

struct LimitShares {
    std::array<double, limit_count> share{}; ///< by Limit, of 1
    Limit largest = Limit::app;
    double elapsed_us = 0; ///< what they are shares of
};

/// The shares of `elapsed_us` between two samples of a socket.
/// - What the kernel gives to the receiver's window and to the send buffer is theirs.
/// - Of the busy time besides, as much as was spent in loss recovery is that's.
/// - What is left of the busy time goes as a whole to what the samples show: the congestion window where it held data
/// back at
///   either, else the send buffer where the application waited for room at either, else the application, which sent
///   and waited for answers.
/// - Time that was not busy is the application's.
/// Nothing where no data was handed over or on its way, or a counter went backwards.
std::optional<LimitShares> limit_shares(const LimitCounters &before, const LimitCounters &now, double elapsed_us);

/// The same of a flow, since its record before; of one that has none, since it was opened where `began` says that all
/// of its counters grew since then. Nothing where the program does not count them.
std::optional<LimitShares> limit_shares_of(const Row &row, const KnownPlaces &places, bool began);

/// When a record was sampled (CLOCK_MONOTONIC); `time_ns`, its snapshot's, where the program does not tell.
std::uint64_t sampled_ns(Record record, const KnownPlaces &places, std::uint64_t time_ns);

} // namespace tcp_stats
