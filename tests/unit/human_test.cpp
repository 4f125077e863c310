#include "output/human.h"

#include <cmath>
#include <random>

#include "base/printable.h"
#include "output/sink.h"
#include "test.h"

using namespace tcp_stats;

namespace {

std::string shown(std::uint64_t number, std::string_view unit) { return human(Value(number), unit_of(unit)); }

std::string decimal(double number) {
    std::string text;
    Sink sink([&](std::string_view piece) { text += piece; });
    sink.put_decimal(number);
    sink.flush();
    return text;
}

} // namespace

TEST_CASE("bytes have decimal prefixes and three digits at most") {
    CHECK(shown(0, "bytes") == "0B");
    CHECK(shown(999, "bytes") == "999B");
    CHECK(shown(1000, "bytes") == "1kB");
    CHECK(shown(1448, "bytes") == "1.4kB");
    CHECK(shown(123'456, "bytes") == "123kB");
    CHECK(shown(999'600, "bytes") == "1MB");
    CHECK(shown(~std::uint64_t(0), "bytes") == "18.4EB");
    CHECK(human(Value(1234567.8), unit_of("bytes/s")) == "1.2MB/s");
}

TEST_CASE("times are in the unit that fits, the kernel's srtt without its fraction bits") {
    CHECK(shown(7, "us") == "7us");
    CHECK(shown(12345, "us") == "12.3ms");
    CHECK(shown(98760, "us * 8") == "12.3ms");
    CHECK(shown(2'500'000, "us") == "2.5s");
    CHECK(shown(150, "ms") == "150ms");
    CHECK(shown(125'000, "ms") == "2m05s");
    CHECK(shown(2 * 3600'000 + 60'000, "ms") == "2h01m");
    CHECK(shown(std::uint64_t(50) * 3600'000, "ms") == "2d02h");
}

TEST_CASE("counts keep five digits, names all of theirs") {
    CHECK(shown(99'999, "segments") == "99999");
    CHECK(shown(123'456, "segments") == "123k");
    CHECK(human(Value(3.26), unit_of("segments/s")) == "3.3/s");
    CHECK(human(Value(2.0 / 60), unit_of("segments/s")) == "0.033/s");
    CHECK(human(Value(0.0001), unit_of("segments/s")) == "0/s");
    CHECK(human(Value(0.096), unit_of("segments/s")) == "0.1/s");
    CHECK(shown(4'026'532'175, "") == "4026532175");
    CHECK(shown(~std::uint64_t(0), "") == "18446744073709551615");
    CHECK(human(Value(std::int64_t(-2500)), unit_of("bytes")) == "-2.5kB");
    CHECK(shown(69, "%") == "69%");
    CHECK(human(Value(), unit_of("bytes")).empty());
}

TEST_CASE("for programs, rare events are not none a second") {
    CHECK(decimal(0) == "0.0");
    CHECK(decimal(2.0 / 60) == "0.033");
    CHECK(decimal(0.949) == "0.949");
    CHECK(decimal(0.96) == "1.0");
    CHECK(decimal(123456.78) == "123456.8");
}

TEST_CASE("no number has more characters than is said, unless it is absurd") {
    std::mt19937_64 dice(1);
    for (const auto *name :
         {"us", "us * 8", "ms", "ns", "%", "0 or 1", "bytes", "bytes/s", "segments", "segments/s", ""}) {
        const auto unit = unit_of(name);
        const double most = unit.dimension == Dimension::time    ? 86.4e12 / unit.worth
                            : unit.dimension == Dimension::share ? 100
                                                                 : 1e15;
        for (int i = 0; i < 20000; ++i) {
            const auto number = static_cast<std::uint64_t>(std::fmod(static_cast<double>(dice() >> dice() % 64), most));
            REQUIRE(human(number, unit).size() <= most_characters(unit));
            if (unit.dimension != Dimension::none) {
                const auto real = static_cast<double>(number) / static_cast<double>(1U << (dice() % 20));
                REQUIRE(human(real, unit).size() <= most_characters(unit));
            }
        }
    }
}

TEST_CASE("text cannot command a terminal") {
    CHECK(human(Value(std::string_view("a b\x1b[31m")), unit_of("")) == "a b\\x1b[31m");
}

TEST_CASE("control characters beyond ASCII are made harmless too") {
    CHECK(printable("\xc2\x9b"
                    "2J \xc3\xa9") == "\\xc2\\x9b2J \xc3\xa9"); // U+009B begins a command as ESC [ does
}

TEST_CASE("headings leave out the unit that the values show") {
    CHECK(heading("rtt_us") == "RTT");
    CHECK(heading("bytes_per_s") == "BYTES/S");
    CHECK(heading("limit_pct") == "LIMIT%");
    CHECK(heading("ca_state") == "CA_STATE");
    CHECK(heading("state_ms") == "STATE TIME"); // there is a field state
}

TEST_CASE("headings of groups say how the values were put together") {
    CHECK(heading("rtt_us_p50") == "RTT P50");
    CHECK(heading("min_rtt_us_min") == "MIN_RTT MIN");
    CHECK(heading("bytes_per_s_sum") == "BYTES/S SUM");
    CHECK(heading("loss_pct_p95") == "LOSS% P95");
    CHECK(heading("limit_mode") == "LIMIT MODE");
    CHECK(heading("acceptq_max") == "ACCEPTQ_MAX"); // a field's own name
}
