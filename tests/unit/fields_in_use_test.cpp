// Which members of the record need not be read.
#include "condition/fields_in_use.h"

#include <algorithm>

#include "test.h"

using namespace tcp_stats;

namespace {

bool is_read(const std::string &member, const std::set<std::string> &asked_for) {
    const auto unused = unused_fields(asked_for);
    return std::find(unused.begin(), unused.end(), member) == unused.end();
}

} // namespace

TEST_CASE("only what is asked for is read, by either of its names") {
    CHECK(is_read("bytes_sent", {"bytes"}));
    CHECK(is_read("bytes_sent", {"bytes_sent"}));
    CHECK_FALSE(is_read("bytes_acked", {"bytes"}));
    CHECK_FALSE(is_read("busy_us", {"bytes", "rtt_us", "local"}));
}

TEST_CASE("a rate needs its counter, and a limit what it is inferred from") {
    CHECK(is_read("retransmits", {"retr_per_s"}));
    CHECK(is_read("cgroup", {"cgroup_path"}));
    for (const auto *member : {"busy_us", "recovery_us", "notsent", "mss", "bytes_sent", "sndbuf_full"}) {
        CHECK(is_read(member, {"limit"}));
        CHECK(is_read(member, {"loss_pct"}));
    }
}

TEST_CASE("what the monitor needs for itself is always read") {
    for (const auto *member : {"sampled_ns", "first_seen_ns", "opened_ns", "retransmit_state", "netns", "pid"}) {
        CHECK(is_read(member, {}));
    }
}
