// Text on its way: the buffer, numbers, strings of JSON.
#include "output/sink.h"

#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "output/utf8.h"
#include "output/value_text.h"
#include "test.h"

using namespace tcp_stats;

namespace {

template <typename Write> std::string written(Write write) {
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    write(sink);
    sink.flush();
    return text;
}

std::string dumped(const std::string &text) {
    return nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
}

} // namespace

TEST_CASE("text of any length comes out in order, in large pieces") {
    std::vector<std::size_t> pieces;
    std::string text;
    Sink sink([&](std::string_view piece) {
        pieces.push_back(piece.size());
        text += piece;
    });
    std::string expected;
    std::mt19937 dice(1);
    for (int i = 0; i < 3000; ++i) {
        const std::string piece(dice() % 100 == 0 ? dice() % (3 * Sink::size) : dice() % 50,
                                static_cast<char>('a' + i % 26));
        sink.put(piece);
        sink.put('|');
        sink.print(FMT_COMPILE("{}"), i);
        expected += piece + "|" + std::to_string(i);
    }
    CHECK(text.size() < expected.size());
    sink.flush();
    CHECK(text == expected);
    CHECK(pieces.size() < expected.size() / 1000);
}

TEST_CASE("numbers are written with so many decimals") {
    const auto decimals = [](double number, int count) {
        return written([&](Sink &sink) { sink.put_decimal(number, count == 3); });
    };
    CHECK(decimals(-0.0625, 3) == "-0.062");
    CHECK(decimals(1e300, 1) == fmt::format("{:.1f}", 1e300));
    std::mt19937_64 dice(1);
    for (int i = 0; i < 20000; ++i) { // those that the last digit does not depend on how it is rounded
        const auto thousandths = dice() >> (20 + dice() % 40);
        const double number = static_cast<double>(thousandths) / 1000;
        REQUIRE(decimals(number, 3) == fmt::format("{}.{:03}", thousandths / 1000, thousandths % 1000));
    }
}

TEST_CASE("bytes and text of any length are values too") {
    const std::vector<std::byte> bytes(3 * Sink::size, std::byte{0xab});
    const std::string text(3 * Sink::size, 'x');
    for (const bool quotes : {false, true}) {
        const ValueText format = {is_plain_in_json, json_string, quotes};
        const std::string mark = quotes ? "\"" : "";
        const auto hexadecimal = written([&](Sink &sink) { put_value(sink, RawBytes{bytes}, format); });
        CHECK(hexadecimal.size() == 2 * bytes.size() + 2 * mark.size());
        CHECK(hexadecimal.substr(0, 5) == (mark + "abababab").substr(0, 5));
        CHECK(written([&](Sink &sink) { put_value(sink, std::string_view(text), format); }) == mark + text + mark);
    }
}

TEST_CASE("a string of JSON is what a library makes of it") {
    for (const std::string text : {"", "nginx", "a \"b\" \\ c", "tab\tline\nreturn\rbell\x07", "\x7f", "caf\xc3\xa9",
                                   "\xe2\x82\xac \xf0\x9f\x90\xa7", "\xff", "a\xc3", "\xc3\x28 z"}) {
        INFO(text);
        CHECK(json_string(text) == dumped(text));
    }
    std::mt19937 dice(1);
    for (int i = 0; i < 20000; ++i) {
        std::string text(dice() % 17, ' ');
        for (auto &c : text) {
            c = static_cast<char>(dice() % 3 == 0 ? dice() : ' ' + dice() % 95);
        }
        const auto string = json_string(text);
        REQUIRE(nlohmann::json::accept(string));
        REQUIRE(nlohmann::json::accept('"' + std::string(is_plain_in_json(text) ? text : "") + '"'));
        if (is_plain_in_json(text)) {
            REQUIRE(string == '"' + text + '"');
        }
    }
}
