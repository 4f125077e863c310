// The line format against golden files, byte for byte, in the language of the environment.
#include "output/line_writer.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <arpa/inet.h>

#include "base/translate.h"
#include "test.h"

using namespace tcp_stats;

namespace {

Endpoint endpoint(int family, const char *address, std::uint16_t port) {
    Endpoint made;
    made.family = family == AF_INET6 ? AddressFamily::ipv6 : AddressFamily::ipv4;
    inet_pton(family, address, made.address.data());
    made.port = port;
    return made;
}

/// The flow of the contract's example.
Flow example_flow() {
    Flow flow;
    flow.sock = 0xffff9b48aab0;
    flow.local = endpoint(AF_INET, "10.0.0.1", 443);
    flow.remote = endpoint(AF_INET, "10.0.0.2", 53152);
    flow.protocol = 6;
    flow.pkts_sent = 42;
    flow.bytes_sent = 58432;
    flow.retransmits = 1;
    flow.rtt_us = 12345;
    flow.srtt_us = 98765;
    flow.cwnd = 10;
    flow.state = 1;
    flow.last_seen_ns = 1234567890123456;
    return flow;
}

std::string a_whole_run() {
    Snapshot none;
    Snapshot one;
    one.flows = {example_flow()};

    Snapshot further;
    further.further_fields = {"sendmsg_calls", "drift", "comm", "mac"};
    auto flow = example_flow();
    flow.local = endpoint(AF_INET6, "2001:db8::1", 443);
    flow.remote = endpoint(AF_INET6, "::ffff:10.0.0.2", 65535);
    flow.rtt_us = 7;
    flow.srtt_us = 60;
    flow.state = 12;
    flow.further = {std::uint64_t(18446744073709551615U), std::int64_t(-3), std::string("a b\x1b[31m\\\xc3\xa9"),
                    std::vector<std::uint8_t>{0, 255}};
    further.flows = {flow, flow};
    further.flows[1].state = 7;
    return line_banner() + line_snapshot(none) + line_snapshot(one) + line_snapshot(further) + line_farewell();
}

std::string golden(const std::string &name) {
    std::ifstream file(std::string(GOLDEN_DIRECTORY) + "/" + name);
    REQUIRE(file);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace

TEST_CASE("a run in English reads as the golden file", "[english]") { CHECK(a_whole_run() == golden("line.en.txt")); }

TEST_CASE("a run in Portuguese has the script's own sentences and the same data lines", "[.portuguese]") {
    CHECK(a_whole_run() == golden("line.pt_BR.txt"));
}
