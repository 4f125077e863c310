#include "snapshot/limit.h"

#include "test.h"

using namespace tcp_stats;

namespace {

constexpr double elapsed_us = 1e6;

LimitShares shares_of(const LimitCounters &now, const LimitCounters &before = {}) {
    const auto shares = limit_shares(before, now, elapsed_us);
    REQUIRE(shares.has_value());
    return *shares;
}

double share(const LimitShares &shares, Limit limit) { return shares.share[static_cast<std::size_t>(limit)]; }

double sum(const LimitShares &shares) {
    double all = 0;
    for (const auto share : shares.share) {
        all += share;
    }
    return all;
}

} // namespace

TEST_CASE("time without anything to send is the application's") {
    const auto shares = shares_of({.busy_us = 100000, .bytes_sent = 1});
    CHECK(shares.largest == Limit::app);
    CHECK(share(shares, Limit::app) == Approx(1));
}

TEST_CASE("the kernel's own verdicts come first") {
    const auto shares =
        shares_of({.busy_us = 1000000, .rwnd_limited_us = 300000, .sndbuf_limited_us = 500000, .recovery_us = 1000000});
    CHECK(shares.largest == Limit::sndbuf);
    CHECK(share(shares, Limit::rwnd) == Approx(0.3));
    CHECK(share(shares, Limit::sndbuf) == Approx(0.5));
    CHECK(share(shares, Limit::loss) == Approx(0.2));
    CHECK(sum(shares) == Approx(1));
}

TEST_CASE("busy time that is no loss is the congestion window's only where it held the sender back") {
    CHECK(shares_of({.busy_us = 900000, .recovery_us = 200000, .cwnd_limited = true}).largest == Limit::cwnd);
    CHECK(shares_of({.busy_us = 900000, .recovery_us = 200000}).largest == Limit::app);
    CHECK(shares_of({.busy_us = 900000, .recovery_us = 200000}, {.cwnd_limited = true}).largest == Limit::cwnd);
}

TEST_CASE("a full send buffer takes the rest of the busy time unless the congestion window holds data back") {
    const auto shares = shares_of({.busy_us = 900000, .sndbuf_limited_us = 100000, .sndbuf_limited = true});
    CHECK(shares.largest == Limit::sndbuf);
    CHECK(share(shares, Limit::sndbuf) == Approx(0.9));
    CHECK(shares_of({.busy_us = 900000, .sndbuf_limited = true}, {.cwnd_limited = true}).largest == Limit::cwnd);
}

TEST_CASE("only what came since the sample before counts") {
    const auto shares =
        shares_of({.busy_us = 5000000, .rwnd_limited_us = 4900000, .bytes_sent = 9, .cwnd_limited = true},
                  {.busy_us = 4000000, .rwnd_limited_us = 4800000, .bytes_sent = 9});
    CHECK(shares.largest == Limit::cwnd);
    CHECK(share(shares, Limit::rwnd) == Approx(0.1));
}

TEST_CASE("the kernel's clock ticks coarsely: a little more than all the time is all of it") {
    const auto shares = shares_of({.busy_us = 1004000, .rwnd_limited_us = 1004000});
    CHECK(share(shares, Limit::rwnd) == Approx(1));
    CHECK(sum(shares) == Approx(1));
}

TEST_CASE("of a flow that sends nothing, or whose counters went backwards, nothing is said") {
    const LimitCounters counters = {10, 10, 10, 10, 10, true, false};
    CHECK_FALSE(limit_shares(counters, counters, elapsed_us).has_value());
    CHECK_FALSE(limit_shares({}, {.busy_us = 1}, 0).has_value());
    for (auto member : {&LimitCounters::busy_us, &LimitCounters::rwnd_limited_us, &LimitCounters::sndbuf_limited_us,
                        &LimitCounters::recovery_us, &LimitCounters::bytes_sent}) {
        auto now = counters;
        now.busy_us += 5;
        now.*member = 9;
        CHECK_FALSE(limit_shares(counters, now, elapsed_us).has_value());
    }
}
