#include "compile/record_description.h"

#include <limits>

#include "test.h"

using namespace tcp_stats;

namespace {

// What BCC 0.26 says of the record of the original script's program.
constexpr auto original_desc = R"(["flow_stats_t", [
    ["addr", ["flow_addr_t", [["saddr", "unsigned int"], ["daddr", "unsigned int"], ["sport", "unsigned short"],
        ["dport", "unsigned short"], ["proto", "unsigned char"], ["pad", "unsigned char", [3]]], "struct_packed"]],
    ["pkts_sent", "unsigned long long"], ["bytes_sent", "unsigned long long"], ["retransmits", "unsigned long long"],
    ["last_state", "unsigned int"], ["__pad_5", "char", [4]], ["last_seen_ns", "unsigned long long"]],
    "struct_packed"])";

std::vector<std::string> shown_names(const RecordLayout &layout) {
    std::vector<std::string> names;
    for (const auto &field : layout.fields()) {
        if (field.shown) {
            names.push_back(field.name);
        }
    }
    return names;
}

std::string refusal(const std::string &desc, std::size_t size) {
    const auto layout = parse_record_description(desc, size);
    REQUIRE_FALSE(layout.has_value());
    CHECK(layout.error().kind == ErrorKind::program_rejected);
    return layout.error().message;
}

} // namespace

TEST_CASE("fields of nested structs are found by their own name, behind the compiler's padding") {
    const auto layout = parse_record_description(original_desc, 56);
    REQUIRE(layout.has_value());
    CHECK(layout->size() == 56);
    CHECK(layout->find("saddr")->offset == 0);
    CHECK(layout->find("dport")->offset == 10);
    CHECK(layout->find("proto")->size == 1);
    CHECK(layout->find("pkts_sent")->offset == 16);
    CHECK(layout->find("last_state")->offset == 40);
    CHECK(layout->find("last_seen_ns")->offset == 48);
    CHECK(layout->find("cwnd") == nullptr);
}

TEST_CASE("padding and the structs around other fields are not shown") {
    const auto layout = parse_record_description(original_desc, 56);
    REQUIRE(layout.has_value());
    CHECK(shown_names(*layout) == std::vector<std::string>{"saddr", "daddr", "sport", "dport", "proto", "pkts_sent",
                                                           "bytes_sent", "retransmits", "last_state", "last_seen_ns"});
}

TEST_CASE("members named like padding are not shown, however long their names are") {
    for (const std::string name : {"pad", "pad2", "_pad", "__pad_3", "__pad_end", "padding", "_padding_12", ""}) {
        const auto layout = parse_record_description(R"(["s", [[")" + name + R"(", "int"]], "struct"])", 4);
        REQUIRE(layout.has_value());
        CHECK(shown_names(*layout).empty());
    }
    for (const std::string name : {"pads", "xpad", "pad_x", "pad__3", "padend2", "_", "pa"}) {
        const auto layout = parse_record_description(R"(["s", [[")" + name + R"(", "int"]], "struct"])", 4);
        REQUIRE(layout.has_value());
        CHECK(shown_names(*layout) == std::vector<std::string>{name});
    }
    const std::string long_name(200'000, '_');
    CHECK(shown_names(parse_record_description(R"(["s", [[")" + long_name + R"(", "int"]], "struct"])", 4).value()) ==
          std::vector<std::string>{long_name});
}

TEST_CASE("kinds follow the C type") {
    const auto layout = parse_record_description(
        R"(["s", [["a", "int"], ["b", "unsigned short"], ["comm", "char", [16]], ["raw", "unsigned char", [2]],
            ["wide", "unsigned __int128"]], "struct_packed"])",
        40);
    REQUIRE(layout.has_value());
    CHECK(layout->find("a")->kind == FieldKind::signed_integer);
    CHECK(layout->find("b")->kind == FieldKind::unsigned_integer);
    CHECK(layout->find("comm")->kind == FieldKind::text);
    CHECK(layout->find("raw")->kind == FieldKind::bytes);
    CHECK(layout->find("wide")->kind == FieldKind::bytes);
    CHECK(layout->find("wide")->size == 16);
}

TEST_CASE("an address may be a struct in6_addr, whose members lie over each other") {
    const auto layout = parse_record_description(
        R"(["s", [["saddr", ["in6_addr", [["in6_u", ["", [["u6_addr8", "unsigned char", [16]],
            ["u6_addr16", "unsigned short", [8]], ["u6_addr32", "unsigned int", [4]]], "union"]]],
            "struct_packed"]], ["sport", "unsigned short"]], "struct_packed"])",
        18);
    REQUIRE(layout.has_value());
    CHECK(layout->find("saddr")->size == 16);
    CHECK(layout->find("saddr")->kind == FieldKind::bytes);
    CHECK(layout->find("u6_addr32")->offset == 0);
    CHECK(layout->find("sport")->offset == 16);
}

TEST_CASE("members of an unnamed union belong to the struct around it") {
    const auto layout = parse_record_description(
        R"(["s", [["", [["v4", "unsigned int"], ["v6", "unsigned int", [4]]], "union"], ["n", "unsigned int"]],
            "struct_packed"])",
        20);
    REQUIRE(layout.has_value());
    CHECK(layout->find("v4")->offset == 0);
    CHECK(layout->find("v6")->offset == 0);
    CHECK(layout->find("n")->offset == 16);
}

TEST_CASE("an array of structs is one field") {
    const auto layout = parse_record_description(
        R"(["s", [["pairs", ["pair", [["x", "int"], ["y", "int"]], "struct_packed"], [3]]], "struct_packed"])", 24);
    REQUIRE(layout.has_value());
    CHECK(layout->find("pairs")->size == 24);
    CHECK(shown_names(*layout) == std::vector<std::string>{"pairs"});
}

TEST_CASE("what cannot be laid out is refused with its reason") {
    CHECK(refusal(R"(["s", [["up", "unsigned int", 1]], "struct"])", 4) ==
          "cannot use the value struct of flow_stats: up is a bit-field; make it a plain integer");
    CHECK(refusal(R"(["s", [["x", "float"]], "struct_packed"])", 4) ==
          "cannot use the value struct of flow_stats: type float is not known");
    CHECK(refusal(R"(["s", [["grid", "int", [2]]], "struct_packed"])", 24) ==
          "cannot use the value struct of flow_stats: its fields make 8 bytes, the table says 24; an array of arrays "
          "is not supported");
    CHECK(refusal(R"("unsigned long long")", 8) ==
          "cannot use the value struct of flow_stats: the value is no struct; declare one "
          "as --print-src has it");
}

TEST_CASE("a description that is damaged anywhere is refused, not misread") {
    const std::string whole = original_desc;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CHECK_FALSE(parse_record_description(whole.substr(0, length), 56).has_value());
    }
    for (const auto *odd : {"[]", "[[]]", "[1,2,3]", R"(["s", [[]], "struct"])", R"(["s", [["x"]], "struct"])",
                            R"(["s", [["x", 7]], "struct"])", R"(["s", {"x": 1}, "struct"])",
                            R"(["s", [["x", "int", ["y"]]], "struct"])", R"(["s", [["x", "int", []]], "struct"])"}) {
        CHECK_FALSE(parse_record_description(odd, 4).has_value());
    }
}

TEST_CASE("lengths that add up to the size only beyond what a size can be are refused") {
    for (const std::string member :
         {R"(["x", "unsigned char", [18446744073709551612]], ["y", "int"])",
          R"(["x", "unsigned long long", [2305843009213693952]])", R"(["x", "int", [-1]], ["y", "int"])",
          R"(["x", ["t", [["y", "unsigned long long"]], "struct"], [2305843009213693952]])"}) {
        CHECK_FALSE(parse_record_description(R"(["s", [)" + member + R"(], "struct"])", 0).has_value());
    }
    CHECK_FALSE(parse_record_description(R"(["s", [["x", "int", [4611686018427387904]]], "struct"])",
                                         std::numeric_limits<std::size_t>::max())
                    .has_value());
    for (const std::string length : {"1.5", "true", "-1", "1e300"}) {
        CHECK_FALSE(
            parse_record_description(R"(["s", [["x", "char", [)" + length + R"(]]], "struct"])", 1).has_value());
    }
}
