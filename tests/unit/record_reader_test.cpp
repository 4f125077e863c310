#include "record/record_reader.h"

#include <random>

#include "compile/record_description.h"
#include "table.h"
#include "test.h"

using namespace tcp_stats;

namespace {

const Table &script_table() {
    static const Table table({{"saddr", "unsigned char 16"},
                              {"daddr", "unsigned char 16"},
                              {"sport", "unsigned short"},
                              {"dport", "unsigned short"},
                              {"proto", "unsigned char"},
                              {"family", "unsigned char"},
                              {"pad", "unsigned char 2"},
                              {"bytes_sent", "unsigned long long"},
                              {"last_state", "unsigned int"},
                              {"srtt_us", "unsigned int"}});
    return table;
}

Table::Maker record_between(int family, const char *local, const char *remote) {
    auto record = script_table().record();
    record.set("family", static_cast<std::uint64_t>(family)).set("sport", 53152).set("dport", htons(443));
    return record.address("saddr", family, local).address("daddr", family, remote);
}

RecordReader reader_of(const std::string &desc, std::size_t size) {
    auto layout = parse_record_description(desc, size);
    REQUIRE(layout.has_value());
    auto reader = RecordReader::create(std::move(*layout));
    REQUIRE(reader.has_value());
    return *reader;
}

std::vector<std::string> column_names(const RecordReader &reader) {
    std::vector<std::string> names;
    for (const auto &member : reader.members()) {
        names.push_back(member.name);
    }
    return names;
}

/// It refers to `record`.
Value value(const Table &table, const Table::Maker &record, std::size_t member) {
    const auto &[name, field, place] = table.reader().members().at(member);
    return RecordReader::value(record.bytes(), place, field);
}

std::string refusal(const std::string &desc, std::size_t size) {
    auto layout = parse_record_description(desc, size);
    REQUIRE(layout.has_value());
    const auto reader = RecordReader::create(std::move(*layout));
    REQUIRE_FALSE(reader.has_value());
    CHECK(reader.error().kind == ErrorKind::program_rejected);
    return reader.error().message;
}

} // namespace

TEST_CASE("the local port is in host order, the remote port in network order") {
    const auto record = record_between(AF_INET, "10.0.0.1", "10.0.0.2");
    CHECK(fmt::format("{}", script_table().reader().local(record.bytes())) == "10.0.0.1:53152");
    CHECK(fmt::format("{}", script_table().reader().remote(record.bytes())) == "10.0.0.2:443");
}

TEST_CASE("a 16-byte address is IPv4 only where the family says so") {
    const auto &reader = script_table().reader();
    CHECK(fmt::format("{}", reader.local(record_between(AF_INET6, "2001:db8::1", "fe80::2").bytes())) ==
          "[2001:db8::1]:53152");
    CHECK(fmt::format("{}", reader.remote(record_between(AF_INET6, "::ffff:10.0.0.1", "::ffff:10.0.0.2").bytes())) ==
          "[::ffff:10.0.0.2]:443");
    const Table without_family({{"saddr", "unsigned int 4"}, {"sport", "unsigned short"}});
    auto record = without_family.record();
    record.address("saddr", AF_INET6, "::1").set("sport", 80);
    CHECK(fmt::format("{}", without_family.reader().local(record.bytes())) == "[::1]:80");
}

TEST_CASE("an address is written as the C library writes it") {
    std::mt19937 dice(1);
    for (int i = 0; i < 20000; ++i) {
        Address address;
        address.family = i % 4 == 0 ? AddressFamily::ipv4 : AddressFamily::ipv6;
        for (std::size_t j = 0; j < 16; j += 2) { // words of 0, short ones, ends that may be IPv4
            const auto word = dice() % 3 == 0 ? dice() : dice() % 3 == 0 ? 0xffff : 0;
            address.bytes[j] = static_cast<std::uint8_t>(word >> 8U);
            address.bytes[j + 1] = static_cast<std::uint8_t>(word >> (dice() % 8));
        }
        if (dice() % 4 == 0) {
            std::fill_n(address.bytes.begin(), 10 + 2 * (dice() % 3), std::uint8_t{0});
        }
        char expected[INET6_ADDRSTRLEN] = "";
        inet_ntop(address.family == AddressFamily::ipv6 ? AF_INET6 : AF_INET, address.bytes.data(), expected,
                  sizeof(expected));
        REQUIRE(fmt::format("{}", address) == expected);
    }
}

TEST_CASE("the script's fields pass through unchanged, and are no columns") {
    auto record = record_between(AF_INET, "10.0.0.1", "10.0.0.2");
    record.set("proto", 6).set("bytes_sent", 0x123456789abcdef0).set("last_state", 4).set("srtt_us", 98765);
    const auto &places = script_table().reader().places();
    CHECK(RecordReader::number(record.bytes(), places.proto) == 6);
    CHECK(RecordReader::number(record.bytes(), places.bytes_sent) == 0x123456789abcdef0);
    CHECK(RecordReader::number(record.bytes(), places.last_state) == 4);
    CHECK(RecordReader::number(record.bytes(), places.srtt_us) == 98765);
    CHECK(RecordReader::number(record.bytes(), places.cwnd) == 0);
    CHECK(script_table().reader().members().empty());
}

TEST_CASE("fields may stand in any order, others are handed on in order with their values") {
    const Table table({{"drift", "int"},
                       {"daddr", "unsigned int"},
                       {"comment", "char 8"},
                       {"cwnd", "unsigned short"},
                       {"dport", "unsigned short"},
                       {"raw", "unsigned char 4"},
                       {"total", "unsigned long long"}});
    auto record = table.record();
    record.set("drift", static_cast<std::uint64_t>(-5)).set("comment", std::string("nginx")).set("dport", htons(53));
    record.address("daddr", AF_INET, "192.0.2.1").set("raw", 0xefbeadde).set("total", 99).set("cwnd", 7);
    const std::array<std::uint8_t, 4> raw = {0xde, 0xad, 0xbe, 0xef};
    CHECK(column_names(table.reader()) == std::vector<std::string>{"drift", "comment", "raw", "total"});
    CHECK(fmt::format("{}", table.reader().local(record.bytes())) == "0.0.0.0:0");
    CHECK(fmt::format("{}", table.reader().remote(record.bytes())) == "192.0.2.1:53");
    CHECK(value(table, record, 0) == Value(std::int64_t(-5)));
    CHECK(value(table, record, 1) == Value(std::string_view("nginx")));
    CHECK(value(table, record, 2) == Value(RawBytes{std::as_bytes(std::span(raw))}));
    CHECK(value(table, record, 3) == Value(std::uint64_t(99)));
}

TEST_CASE("a known field is absent where its value says so, and numbers with names are shown by these") {
    const Table table({{"pid", "unsigned int"},
                       {"min_rtt_us", "unsigned int"},
                       {"pacing_rate", "unsigned long long"},
                       {"ca_state", "unsigned char"},
                       {"role", "unsigned char"},
                       {"comm", "char 16"},
                       {"mine", "unsigned int"}});
    auto record = table.record();
    record.set("min_rtt_us", 0xffffffff).set("pacing_rate", ~std::uint64_t(0)).set("ca_state", 9);
    for (const std::size_t absent : {0U, 1U, 2U, 4U, 5U}) {
        CHECK(value(table, record, absent) == Value());
    }
    CHECK(value(table, record, 3) == Value(Word{Naming::ca_state, 9}));
    CHECK(value(table, record, 6) == Value(std::uint64_t(0)));
    record.set("pid", 7).set("min_rtt_us", 0).set("pacing_rate", 0xffffffff).set("ca_state", 3).set("role", 2);
    record.set("comm", std::string("sshd")).set("mine", 0xffffffff);
    const std::vector<Value> expected = {std::uint64_t(7),          std::uint64_t(0),      std::uint64_t(0xffffffff),
                                         Word{Naming::ca_state, 3}, Word{Naming::role, 2}, std::string_view("sshd"),
                                         std::uint64_t(0xffffffff)};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(value(table, record, i) == expected[i]);
    }
}

TEST_CASE("internal fields are not shown, nor what lies in them") {
    const auto reader = reader_of(R"(["s", [["opened_ns", "unsigned long long"], ["retransmit_state",
        ["r", [["recovery_ns", "unsigned long long"], ["cause", "unsigned int"]], "struct_packed"]],
        ["mine", "unsigned int"]], "struct_packed"])",
                                  24);
    CHECK(column_names(reader) == std::vector<std::string>{"mine"});
    CHECK(bool(reader.integer("opened_ns")));
    CHECK_FALSE(bool(reader.integer("retransmit_state")));
}

TEST_CASE("a record whose proto is 0 has no address yet; a program without proto has it always") {
    auto record = script_table().record();
    CHECK_FALSE(script_table().reader().is_complete(record.bytes()));
    CHECK(script_table().reader().is_complete(record.set("proto", 6).bytes()));
    const Table without({{"mine", "unsigned int"}});
    CHECK(without.reader().is_complete(without.record().bytes()));
}

TEST_CASE("the members of an address that is a struct are no fields of their own") {
    const auto reader = reader_of(
        R"(["s", [["daddr", ["in6_addr", [["in6_u", ["", [["u6_addr8", "unsigned char", [16]],
            ["u6_addr32", "unsigned int", [4]]], "union"]]], "struct_packed"]]], "struct_packed"])",
        16);
    std::array<std::byte, 16> record{};
    record[15] = std::byte(1);
    CHECK(reader.members().empty());
    CHECK(fmt::format("{}", reader.remote(record)) == "[::1]:0");
}

TEST_CASE("of two fields of one name the one in fewer structs is known, and the other is told apart") {
    const auto reader = reader_of(
        R"(["s", [["prev", ["p", [["cwnd", "unsigned int"], ["a", "unsigned int"]], "struct_packed"]],
            ["cwnd", "unsigned int"], ["a", "unsigned int"]], "struct_packed"])",
        16);
    const std::array<std::uint32_t, 4> record = {777, 1, 10, 2};
    CHECK(RecordReader::number(std::as_bytes(std::span(record)), reader.places().cwnd) == 10);
    CHECK(column_names(reader) == std::vector<std::string>{"prev.cwnd", "prev.a", "a"});
}

TEST_CASE("text that fills its array has no NUL and ends with the array") {
    const Table table({{"text", "char 4"}, {"n", "unsigned int"}});
    auto record = table.record();
    record.set("text", std::string("abcd")).set("n", 0x41414141);
    CHECK(value(table, record, 0) == Value(std::string_view("abcd")));
}

TEST_CASE("a field of the script of a type that cannot hold it is refused by name") {
    CHECK(refusal(R"(["s", [["saddr", "unsigned char", [6]]], "struct_packed"])", 6) ==
          "field saddr of flow_stats has 6 bytes; an address is a 4-byte integer or an array of 16 bytes");
    CHECK(refusal(R"(["s", [["sport", "unsigned int"]], "struct_packed"])", 4) ==
          "field sport of flow_stats is not an integer of at most 2 bytes");
    CHECK(refusal(R"(["s", [["cwnd", "char", [8]]], "struct_packed"])", 8) ==
          "field cwnd of flow_stats is not an integer of at most 8 bytes");
}

TEST_CASE("states have the names of the kernel, unknown ones none") {
    CHECK(name_of({Naming::tcp_state, 1}) == "ESTABLISHED");
    CHECK(name_of({Naming::tcp_state, 2}) == "SYN_SENT");
    CHECK(name_of({Naming::tcp_state, 11}) == "CLOSING");
    CHECK(name_of({Naming::tcp_state, 0}).empty());
    CHECK(name_of({Naming::tcp_state, 12}).empty());
    CHECK(name_of({Naming::tcp_state, 4294967295U}).empty());
    CHECK(name_of({Naming::ca_state, 0}) == "Open");
    CHECK(name_of({Naming::ca_state, 4}) == "Loss");
    CHECK(name_of({Naming::ca_state, 5}).empty());
    CHECK(name_of({Naming::role, 1}) == "active");
    CHECK(name_of({Naming::role, 3}).empty());
    CHECK(number_named(Naming::family, "IPv6") == AF_INET6);
    CHECK_FALSE(number_named(Naming::family, "").has_value());
}

TEST_CASE("text of no length is empty, in a record of no length too") {
    const auto reader = reader_of(R"(["s", [["note", "char", [0]]], "struct"])", 0);
    REQUIRE(column_names(reader) == std::vector<std::string>{"note"});
    CHECK(RecordReader::value({}, reader.members().front().place, nullptr) == Value(std::string_view()));
}
