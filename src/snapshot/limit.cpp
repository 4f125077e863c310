#include "snapshot/limit.h"

#include <algorithm>

namespace tcp_stats {
namespace {

LimitCounters limit_counters(Record record, const KnownPlaces &places) {
    const auto number = [&](const Place &place) { return RecordReader::number(record, place); };
    const auto notsent = number(places.notsent);
    return {.busy_us = number(places.busy_us),
            .rwnd_limited_us = number(places.rwnd_limited_us),
            .sndbuf_limited_us = number(places.sndbuf_limited_us),
            .recovery_us = number(places.recovery_us),
            .bytes_sent = number(places.bytes_sent),
            // Less than a segment may be waiting for more to come (Nagle, TCP_CORK).
            .cwnd_limited = number(places.cwnd_limited) != 0 || (notsent > 0 && notsent >= number(places.mss)),
            .sndbuf_limited = number(places.sndbuf_full) != 0 && notsent == 0};
}

} // namespace

std::optional<LimitShares> limit_shares(const LimitCounters &before, const LimitCounters &now, double elapsed_us) {
    if (elapsed_us <= 0 || now.busy_us < before.busy_us || now.rwnd_limited_us < before.rwnd_limited_us ||
        now.sndbuf_limited_us < before.sndbuf_limited_us || now.recovery_us < before.recovery_us ||
        now.bytes_sent < before.bytes_sent) {
        return std::nullopt;
    }
    if (now.busy_us == before.busy_us && now.bytes_sent == before.bytes_sent) {
        return std::nullopt;
    }
    // A tick more or less than the time that passed is the grain of the kernel's clock.
    double left = elapsed_us;
    const auto take = [&](double wanted) {
        const double taken = std::clamp(wanted, 0.0, left);
        left -= taken;
        return taken;
    };
    const auto difference = [&](std::uint64_t LimitCounters::*counter) {
        return static_cast<double>(now.*counter - before.*counter);
    };
    const double rwnd = take(difference(&LimitCounters::rwnd_limited_us));
    double sndbuf = take(difference(&LimitCounters::sndbuf_limited_us));
    const double busy_left = std::min(left, std::max(0.0, difference(&LimitCounters::busy_us) - rwnd - sndbuf));
    const double loss = take(std::min(busy_left, difference(&LimitCounters::recovery_us)));
    double cwnd = 0;
    if (now.cwnd_limited || before.cwnd_limited) {
        cwnd = take(busy_left - loss);
    } else if (now.sndbuf_limited || before.sndbuf_limited) {
        sndbuf += take(busy_left - loss);
    }

    LimitShares shares;
    shares.share = {left / elapsed_us, cwnd / elapsed_us, rwnd / elapsed_us, sndbuf / elapsed_us, loss / elapsed_us};
    const auto largest = std::max_element(shares.share.begin(), shares.share.end());
    shares.largest = static_cast<Limit>(largest - shares.share.begin());
    shares.elapsed_us = elapsed_us;
    return shares;
}

std::optional<LimitShares> limit_shares_of(const Row &row, const KnownPlaces &places, bool began) {
    if (!places.busy_us || (!row.has_before() && !began)) {
        return std::nullopt;
    }
    const auto now = row.record();
    const auto before = row.has_before() ? row.before() : Record();
    const auto since = before.empty() ? RecordReader::number(now, places.opened_ns)
                                      : sampled_ns(before, places, row.snapshot->before_time_ns);
    const auto elapsed_ns = static_cast<std::int64_t>(sampled_ns(now, places, row.snapshot->time_ns) - since);
    return limit_shares(before.empty() ? LimitCounters() : limit_counters(before, places), limit_counters(now, places),
                        static_cast<double>(elapsed_ns) / 1e3);
}

std::uint64_t sampled_ns(Record record, const KnownPlaces &places, std::uint64_t time_ns) {
    return places.sampled_ns ? RecordReader::number(record, places.sampled_ns) : time_ns;
}

} // namespace tcp_stats
