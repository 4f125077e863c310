#include "kernel/privilege.h"

#include <algorithm>

#include <linux/capability.h>

#include "test.h"

using namespace tcp_stats;

namespace {

std::vector<unsigned> numbers_of(LaterWork work) {
    std::vector<unsigned> numbers;
    for (const auto &need : needs_of(work)) {
        CHECK(need.why.starts_with("to "));
        numbers.push_back(need.capability);
    }
    return numbers;
}

} // namespace

TEST_CASE("each work after the start has its capabilities, and a reason") {
    CHECK(numbers_of(LaterWork::other_namespaces) ==
          std::vector<unsigned>{CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH});
    CHECK(numbers_of(LaterWork::cgroup_paths) == std::vector<unsigned>{CAP_DAC_READ_SEARCH});
    CHECK(numbers_of(LaterWork::maps) == std::vector<unsigned>{39, CAP_SYS_ADMIN}); // CAP_BPF
    CHECK(numbers_of(LaterWork::recording) == std::vector<unsigned>{CAP_DAC_OVERRIDE});
    CHECK(numbers_of(LaterWork::metrics) == std::vector<unsigned>{CAP_NET_BIND_SERVICE});
}

TEST_CASE("capabilities that are kept are lines for people") {
    CHECK(lines_about({{1, "CAP_A", "to do this"}, {2, "CAP_LONGER", "to do that"}}) ==
          "  CAP_A       to do this\n  CAP_LONGER  to do that\n");
    CHECK(lines_about({}).empty());
}

TEST_CASE("a user is found by name and by number, with all groups") {
    for (const auto *text : {"root", "0"}) {
        const auto account = find_account(text);
        REQUIRE(account.has_value());
        CHECK(account->name == "root");
        CHECK(account->user == 0);
        CHECK(account->group == 0);
        CHECK(std::count(account->groups.begin(), account->groups.end(), 0U) == 1);
    }
}

TEST_CASE("a user that is not there is named") {
    for (const std::string text : {"", "nobody of that name", "4294967294", "-1", "0x0", "99999999999999999999"}) {
        const auto account = find_account(text);
        REQUIRE_FALSE(account.has_value());
        CHECK(account.error().kind == ErrorKind::usage);
        CHECK(account.error().message ==
              "--user " + text + ": there is no such user; it accepts a name or a number that getent passwd lists");
    }
}
