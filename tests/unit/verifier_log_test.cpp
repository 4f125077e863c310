#include "kernel/verifier_log.h"

#include <fstream>

#include "test.h"

using namespace tcp_stats;

TEST_CASE("words of any length are no trouble") {
    const std::string word(1'000'000, 'x');
    CHECK(verifier_summary("; " + word + "\n" + word).size() == word.size());
}

TEST_CASE("the reason of a refusal is picked out of the verifier's log") {
    std::ifstream logs(std::string(GOLDEN_DIRECTORY) + "/verifier_logs.txt");
    REQUIRE(logs);
    // Each log begins with a line `=== expected summary`.
    std::string expected;
    std::string log;
    int count = 0;
    const auto check = [&] {
        if (!expected.empty()) {
            CHECK(verifier_summary(tidy_verifier_log(log)) == expected);
            CHECK(tidy_verifier_log(log).find(" @ ") == std::string::npos);
            ++count;
        }
        log.clear();
    };
    for (std::string line; std::getline(logs, line);) {
        if (line.starts_with("=== ")) {
            check();
            expected = line.substr(4);
        } else {
            log += line + "\n";
        }
    }
    check();
    CHECK(count >= 3);
    CHECK(verifier_summary("").empty());
}
