#include "kernel/flow_table.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "record/record_pool.h"
#include "test.h"

using namespace tcp_stats;

namespace {

/// A hash as the kernel has it: buckets, batches that never split one, a next key that begins again
/// at the first when its predecessor is gone.
class FakeMap : public MapCalls {
public:
    bool has_batches = true;
    std::size_t buckets = 16;
    std::map<std::uint64_t, std::uint32_t> entries; ///< key % buckets is the bucket
    std::function<void()> between_calls = [] {};
    int calls = 0;

    int lookup_batch(std::uint32_t *in, std::uint32_t *out, std::uint64_t *keys, std::byte *values,
                     std::uint32_t &count) override {
        ++calls;
        if (!has_batches) {
            return -EINVAL;
        }
        between_calls();
        const auto room = count;
        count = 0;
        std::uint32_t bucket = in == nullptr ? 0 : *in;
        for (; bucket < buckets; ++bucket) {
            const auto keys_here = keys_of(bucket);
            if (keys_here.size() > room - count) {
                if (count == 0) {
                    return -ENOSPC;
                }
                *out = bucket;
                return 0;
            }
            for (const auto key : keys_here) {
                keys[count] = key;
                std::memcpy(values + count * 4, &entries[key], 4);
                ++count;
            }
        }
        *out = bucket;
        return -ENOENT;
    }

    int next_key(const std::uint64_t *key, std::uint64_t &next) override {
        ++calls;
        between_calls();
        const auto order = in_order();
        auto place = order.begin();
        if (key != nullptr) {
            const auto found = std::find(order.begin(), order.end(), *key);
            place = found == order.end() ? order.begin() : found + 1;
        }
        if (place == order.end()) {
            return -ENOENT;
        }
        next = *place;
        return 0;
    }

    int lookup(std::uint64_t key, std::byte *value) override {
        const auto found = entries.find(key);
        if (found == entries.end()) {
            return -ENOENT;
        }
        std::memcpy(value, &found->second, 4);
        return 0;
    }

private:
    std::vector<std::uint64_t> keys_of(std::uint32_t bucket) const {
        std::vector<std::uint64_t> keys;
        for (const auto &[key, value] : entries) {
            if (key % buckets == bucket) {
                keys.push_back(key);
            }
        }
        return keys;
    }
    std::vector<std::uint64_t> in_order() const {
        std::vector<std::uint64_t> keys;
        for (std::uint32_t bucket = 0; bucket < buckets; ++bucket) {
            const auto here = keys_of(bucket);
            keys.insert(keys.end(), here.begin(), here.end());
        }
        return keys;
    }
};

FakeMap map_of(std::uint64_t count) {
    FakeMap map;
    for (std::uint64_t key = 1; key <= count; ++key) {
        map.entries[key] = static_cast<std::uint32_t>(key * 3);
    }
    return map;
}

std::map<std::uint64_t, std::uint32_t> by_key(const Records &records) {
    std::map<std::uint64_t, std::uint32_t> result;
    for (std::size_t i = 0; i < records.size(); ++i) {
        std::uint32_t value = 0;
        std::memcpy(&value, records[i].data(), 4);
        REQUIRE(result.emplace(records.sock(i), value).second); // no entry twice
    }
    return result;
}

} // namespace

TEST_CASE("every entry is read, in as many batches as it takes") {
    for (const std::uint64_t count : {0U, 1U, 4095U, 4096U, 4097U, 20000U}) {
        auto map = map_of(count);
        Records records(4);
        const auto restarts = read_all(map, 20000, records);
        REQUIRE(restarts.has_value());
        CHECK(by_key(records) == map.entries);
    }
}

TEST_CASE("a bucket larger than a batch is read all the same") {
    auto map = map_of(10000);
    map.buckets = 1;
    Records records(4);
    const auto restarts = read_all(map, 10000, records);
    REQUIRE(restarts.has_value());
    CHECK(by_key(records) == map.entries);
}

TEST_CASE("a kernel without batches is read one by one") {
    auto map = map_of(500);
    map.has_batches = false;
    Records records(4);
    const auto restarts = read_all(map, 500, records);
    REQUIRE(restarts.has_value());
    CHECK(by_key(records) == map.entries);
    CHECK(*restarts == 0);
}

TEST_CASE("a walk without batches that lost its place is counted") {
    auto map = map_of(500);
    map.has_batches = false;
    int call = 0;
    map.between_calls = [&] {
        if (++call == 100) { // almost all go, the one it stands at among them
            map.entries.erase(map.entries.begin(), map.entries.find(490));
        }
    };
    Records records(4);
    const auto restarts = read_all(map, 500, records);
    REQUIRE(restarts.has_value());
    CHECK(*restarts == 1);
}

TEST_CASE("entries that stay are read once each while others come and go") {
    for (const bool has_batches : {true, false}) {
        auto map = map_of(8000);
        map.has_batches = has_batches;
        map.buckets = 64;
        std::uint64_t victim = 0;
        int call = 0;
        map.between_calls = [&] { // every 50th call removes some of the odd keys, so that cursors vanish
            if (++call % 50 == 0 || has_batches) {
                for (int i = 0; i < 200 && victim < 7000; ++i, victim += 2) {
                    map.entries.erase(victim + 1);
                    map.entries[100000 + victim] = 7;
                }
            }
        };
        if (!has_batches) {
            map.entries.erase(map.entries.find(601), map.entries.end()); // the slow way, on fewer
        }
        const auto before = map.entries;
        Records records(4);
        const auto restarts = read_all(map, 16000, records);
        REQUIRE(restarts.has_value());
        const auto read = by_key(records);
        for (const auto &[key, value] : before) {
            if (key % 2 == 0) {
                CHECK(read.count(key) == 1);
            }
        }
    }
}

TEST_CASE("a walk whose cursor always vanishes ends with a sentence, not in a loop") {
    auto map = map_of(10);
    map.has_batches = false;
    std::uint64_t fresh = 1000;
    map.between_calls = [&] {
        map.entries.clear();
        map.entries[fresh++] = 1;
    };
    Records records(4);
    const auto restarts = read_all(map, 10, records);
    REQUIRE_FALSE(restarts.has_value());
    CHECK(restarts.error().message == "flow_stats changes faster than it can be read without BPF_MAP_LOOKUP_BATCH; a "
                                      "kernel from 5.6 on has that");
    CHECK(map.calls < 1000);
}

TEST_CASE("a refusal of the kernel is reported, not taken for an end") {
    class Refusing : public FakeMap {
        int lookup_batch(std::uint32_t *, std::uint32_t *, std::uint64_t *, std::byte *, std::uint32_t &) override {
            return -EPERM;
        }
    } map;
    Records records(4);
    const auto restarts = read_all(map, 10, records);
    REQUIRE_FALSE(restarts.has_value());
    CHECK(restarts.error().message == "cannot read flow_stats: Operation not permitted; please report it");
}

TEST_CASE("memory for records is used again once nobody has it, and given back after a crowd") {
    RecordPool pool(4);
    auto map = map_of(100'000);
    const auto read = [&] {
        auto records = pool.take();
        REQUIRE(read_all(map, 100'000, *records).has_value());
        return records;
    };
    auto one = read();
    const auto other = read();
    CHECK(one != other);
    const std::weak_ptr<Records> first = one;
    const auto *place = (*one)[0].data();
    one.reset();
    one = read();
    CHECK((*one)[0].data() == place);
    one.reset();
    map = map_of(10);
    one = read(); // what it is read into is that of the crowd still
    CHECK(one->capacity() >= 100'000);
    one.reset();
    one = read();
    CHECK(one->capacity() < 10'000);
    CHECK(first.expired());
}

TEST_CASE("memory for records that nobody takes any more is given back") {
    RecordPool pool(4);
    std::vector<std::weak_ptr<Records>> all;
    {
        std::vector<std::shared_ptr<Records>> held;
        for (int i = 0; i < 5; ++i) {
            all.push_back(held.emplace_back(pool.take()));
        }
    }
    const auto one = pool.take();
    CHECK(std::count_if(all.begin(), all.end(), [](const auto &records) { return !records.expired(); }) == 1);
}
