#include "kernel/mounts.h"

#include "test.h"

using namespace tcp_stats;

TEST_CASE("mounts are read with their escapes, however many optional fields there are") {
    const auto found = parse_mounts("36 35 98:0 / /mnt\\040a\\134b rw,noatime master:1 shared:2 - ext4 /dev/root rw\n"
                                    "99 21 0:4 net:[4026532281] /run/netns/a rw - nsfs nsfs rw\n"
                                    "half a line\n"
                                    "31 24 0:27 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
    REQUIRE(found.size() == 3);
    CHECK(found[0].point == "/mnt a\\b");
    CHECK(found[0].type == "ext4");
    CHECK(found[1].root == "net:[4026532281]");
    CHECK(found[1].point == "/run/netns/a");
    CHECK(found[2].type == "cgroup2");
    CHECK(found[2].root == "/");
    CHECK(parse_mounts("").empty());
}
