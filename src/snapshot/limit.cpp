#include "snapshot/limit.h"

#include <algorithm>

namespace tcp_stats {

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
    return shares;
}

} // namespace tcp_stats
