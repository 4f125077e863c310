#include "flow/flow_table_reader.h"

#include <cstring>

#include <arpa/inet.h>

#include "test.h"

using namespace tcp_stats;

namespace {

struct BuiltInRecord {
    std::uint8_t saddr[16];
    std::uint8_t daddr[16];
    std::uint16_t sport;
    std::uint16_t dport;
    std::uint8_t proto;
    std::uint8_t family;
    std::uint8_t pad[2];
    std::uint64_t pkts_sent, bytes_sent, retransmits;
    std::uint32_t last_state;
    std::uint32_t padding;
    std::uint64_t last_seen_ns;
    std::uint32_t srtt_us, rtt_us, cwnd;
    std::uint32_t end;
};

constexpr auto built_in_desc = R"(["flow_stats_t", [
    ["addr", ["flow_addr_t", [["saddr", "unsigned char", [16]], ["daddr", "unsigned char", [16]],
        ["sport", "unsigned short"], ["dport", "unsigned short"], ["proto", "unsigned char"],
        ["family", "unsigned char"], ["pad", "unsigned char", [2]]], "struct_packed"]],
    ["pkts_sent", "unsigned long long"], ["bytes_sent", "unsigned long long"], ["retransmits", "unsigned long long"],
    ["last_state", "unsigned int"], ["__pad_5", "char", [4]], ["last_seen_ns", "unsigned long long"],
    ["srtt_us", "unsigned int"], ["rtt_us", "unsigned int"], ["cwnd", "unsigned int"], ["__pad_end", "char", [4]]],
    "struct_packed"])";

FlowTableReader reader_of(const std::string &desc, std::size_t size) {
    auto layout = RecordLayout::parse(desc, size);
    REQUIRE(layout.has_value());
    auto reader = FlowTableReader::create(std::move(*layout));
    REQUIRE(reader.has_value());
    return *reader;
}

template <typename Record> RawEntries entries_of(std::uint64_t key, const Record &record) {
    RawEntries entries;
    entries.keys = {key};
    entries.values.resize(sizeof(record));
    std::memcpy(entries.values.data(), &record, sizeof(record));
    return entries;
}

BuiltInRecord record_between(int family, const char *local, const char *remote) {
    BuiltInRecord record{};
    record.family = static_cast<std::uint8_t>(family);
    inet_pton(family, local, record.saddr);
    inet_pton(family, remote, record.daddr);
    record.sport = 53152;
    record.dport = htons(443);
    return record;
}

Flow built_in_flow(const BuiltInRecord &record) {
    auto snapshot = reader_of(built_in_desc, sizeof(BuiltInRecord)).read(entries_of(0xffff9b48aab0, record));
    REQUIRE(snapshot.flows.size() == 1);
    return snapshot.flows.front();
}

std::string refusal(const std::string &desc, std::size_t size) {
    auto layout = RecordLayout::parse(desc, size);
    REQUIRE(layout.has_value());
    const auto reader = FlowTableReader::create(std::move(*layout));
    REQUIRE_FALSE(reader.has_value());
    CHECK(reader.error().kind == ErrorKind::program_rejected);
    return reader.error().message;
}

} // namespace

TEST_CASE("the local port is in host order, the remote port in network order") {
    const auto flow = built_in_flow(record_between(AF_INET, "10.0.0.1", "10.0.0.2"));
    CHECK(to_string(flow.local) == "10.0.0.1:53152");
    CHECK(to_string(flow.remote) == "10.0.0.2:443");
}

TEST_CASE("a 16-byte address is IPv4 only where the family says so") {
    CHECK(to_string(built_in_flow(record_between(AF_INET6, "2001:db8::1", "fe80::2")).local) == "[2001:db8::1]:53152");
    CHECK(to_string(built_in_flow(record_between(AF_INET6, "::ffff:10.0.0.1", "::ffff:10.0.0.2")).remote) ==
          "[::ffff:10.0.0.2]:443");
    const auto without_family =
        reader_of(R"(["s", [["saddr", "unsigned int", [4]], ["sport", "unsigned short"]], "struct_packed"])", 18);
    struct __attribute__((packed)) {
        std::uint8_t saddr[16];
        std::uint16_t sport;
    } record{};
    record.saddr[15] = 1;
    record.sport = 80;
    CHECK(to_string(without_family.read(entries_of(1, record)).flows.at(0).local) == "[::1]:80");
}

TEST_CASE("counters and kernel values pass through unchanged") {
    auto record = record_between(AF_INET, "10.0.0.1", "10.0.0.2");
    record.proto = 6;
    record.pkts_sent = 42;
    record.bytes_sent = 0x123456789abcdef0;
    record.retransmits = 1;
    record.last_state = 4;
    record.last_seen_ns = 1234567890123456;
    record.srtt_us = 98765;
    record.rtt_us = 12345;
    record.cwnd = 10;
    const auto flow = built_in_flow(record);
    CHECK(flow.sock == 0xffff9b48aab0);
    CHECK(flow.protocol == 6);
    CHECK(flow.pkts_sent == 42);
    CHECK(flow.bytes_sent == 0x123456789abcdef0);
    CHECK(flow.retransmits == 1);
    CHECK(tcp_state_name(flow.state) == "FIN_WAIT1");
    CHECK(flow.last_seen_ns == 1234567890123456);
    CHECK(flow.srtt_us == 98765);
    CHECK(flow.rtt_us == 12345);
    CHECK(flow.cwnd == 10);
    CHECK(flow.further.empty());
}

TEST_CASE("fields may stand in any order, known ones may be missing, others are handed on in order") {
    const auto reader = reader_of(
        R"(["s", [["drift", "int"], ["daddr", "unsigned int"], ["comm", "char", [8]], ["cwnd", "unsigned short"],
            ["dport", "unsigned short"], ["raw", "unsigned char", [4]], ["total", "unsigned long long"]],
            "struct_packed"])",
        32);
    struct {
        std::int32_t drift;
        std::uint8_t daddr[4];
        char comm[8];
        std::uint16_t cwnd;
        std::uint16_t dport;
        std::uint8_t raw[4];
        std::uint64_t total;
    } record = {-5, {192, 0, 2, 1}, "nginx", 7, htons(53), {0xde, 0xad, 0xbe, 0xef}, 99};

    const auto snapshot = reader.read(entries_of(1, record));
    CHECK(snapshot.further_fields == std::vector<std::string>{"drift", "comm", "raw", "total"});
    const auto flow = snapshot.flows.at(0);
    CHECK(to_string(flow.local) == "0.0.0.0:0");
    CHECK(to_string(flow.remote) == "192.0.2.1:53");
    CHECK(flow.cwnd == 7);
    CHECK(flow.srtt_us == 0);
    CHECK(flow.further == std::vector<FieldValue>{std::int64_t(-5), std::string("nginx"),
                                                  std::vector<std::uint8_t>{0xde, 0xad, 0xbe, 0xef},
                                                  std::uint64_t(99)});
}

TEST_CASE("the members of an address that is a struct are no fields of their own") {
    const auto reader = reader_of(
        R"(["s", [["daddr", ["in6_addr", [["in6_u", ["", [["u6_addr8", "unsigned char", [16]],
            ["u6_addr32", "unsigned int", [4]]], "union"]]], "struct_packed"]]], "struct_packed"])",
        16);
    std::array<std::uint8_t, 16> record{};
    record[15] = 1;
    const auto snapshot = reader.read(entries_of(1, record));
    CHECK(snapshot.further_fields.empty());
    CHECK(to_string(snapshot.flows.at(0).remote) == "[::1]:0");
}

TEST_CASE("of two fields of one name the one in fewer structs is known, and the other is told apart") {
    const auto reader = reader_of(
        R"(["s", [["prev", ["p", [["cwnd", "unsigned int"], ["a", "unsigned int"]], "struct_packed"]],
            ["cwnd", "unsigned int"], ["a", "unsigned int"]], "struct_packed"])",
        16);
    const std::array<std::uint32_t, 4> record = {777, 1, 10, 2};
    const auto snapshot = reader.read(entries_of(1, record));
    CHECK(snapshot.flows.at(0).cwnd == 10);
    CHECK(snapshot.further_fields == std::vector<std::string>{"prev.cwnd", "prev.a", "a"});
}

TEST_CASE("text that fills its array has no NUL and ends with the array") {
    const auto reader = reader_of(R"(["s", [["comm", "char", [4]], ["n", "unsigned int"]], "struct_packed"])", 8);
    struct {
        char comm[4];
        std::uint32_t n;
    } record = {{'a', 'b', 'c', 'd'}, 0x41414141};
    CHECK(reader.read(entries_of(1, record)).flows.at(0).further.at(0) == FieldValue(std::string("abcd")));
}

TEST_CASE("each key of a read has its own record") {
    auto entries = entries_of(1, record_between(AF_INET, "10.0.0.1", "10.0.0.2"));
    const auto second = entries_of(2, record_between(AF_INET, "10.0.0.3", "10.0.0.4"));
    entries.keys.push_back(2);
    entries.values.insert(entries.values.end(), second.values.begin(), second.values.end());
    const auto flows = reader_of(built_in_desc, sizeof(BuiltInRecord)).read(entries).flows;
    REQUIRE(flows.size() == 2);
    CHECK(flows[0].sock == 1);
    CHECK(to_string(flows[0].local) == "10.0.0.1:53152");
    CHECK(flows[1].sock == 2);
    CHECK(to_string(flows[1].local) == "10.0.0.3:53152");
}

TEST_CASE("a known field of a type that cannot hold it is refused by name") {
    CHECK(refusal(R"(["s", [["saddr", "unsigned char", [6]]], "struct_packed"])", 6) ==
          "field saddr of flow_stats has 6 bytes; an address is a 4-byte integer or an array of 16 bytes");
    CHECK(refusal(R"(["s", [["sport", "unsigned int"]], "struct_packed"])", 4) ==
          "field sport of flow_stats is not an integer of at most 2 bytes");
    CHECK(refusal(R"(["s", [["cwnd", "char", [8]]], "struct_packed"])", 8) ==
          "field cwnd of flow_stats is not an integer of at most 8 bytes");
}

TEST_CASE("states have the names of the kernel, unknown ones their number") {
    CHECK(tcp_state_name(1) == "ESTABLISHED");
    CHECK(tcp_state_name(2) == "SYN_SENT");
    CHECK(tcp_state_name(11) == "CLOSING");
    CHECK(tcp_state_name(0) == "0");
    CHECK(tcp_state_name(12) == "12");
    CHECK(tcp_state_name(4294967295U) == "4294967295");
}
