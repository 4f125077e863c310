#include "base/suggest.h"

#include "test.h"

using namespace tcp_stats;

TEST_CASE("the nearest word is meant, unless it is far away") {
    const std::vector<std::string> words = {"srtt_us", "rtt_us", "state", "retr", "rto_us"};
    CHECK(nearest_word("srt_us", words) == "srtt_us");
    CHECK(nearest_word("stzze", words).empty()); // two steps away, of five letters
    CHECK(nearest_word("satte", words) == "state");
    CHECK(nearest_word("rter", words) == "retr");
    CHECK(nearest_word("colour", words).empty());
    CHECK(nearest_word("", words).empty());
    CHECK(nearest_word(std::string(100, 'x'), words).empty());
}
