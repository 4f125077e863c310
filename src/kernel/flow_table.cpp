#include "kernel/flow_table.h"

#include <cerrno>
#include <cstring>
#include <unordered_set>
#include <utility>

#include <bpf/bpf.h>

#include "base/translate.h"
#include "kernel/kernel_errors.h"

namespace tcp_stats {
namespace {

constexpr std::uint32_t first_batch = 4096;

class KernelMap : public MapCalls {
public:
    explicit KernelMap(int fd) : fd_(fd) {}

    int lookup_batch(std::uint32_t *in, std::uint32_t *out, std::uint64_t *keys, std::byte *values,
                     std::uint32_t &count) override {
        return bpf_map_lookup_batch(fd_, in, out, keys, values, &count, nullptr);
    }
    int next_key(const std::uint64_t *key, std::uint64_t &next) override {
        return bpf_map_get_next_key(fd_, key, &next);
    }
    int lookup(std::uint64_t key, std::byte *value) override { return bpf_map_lookup_elem(fd_, &key, value); }

private:
    int fd_;
};

bool batches_unknown(int error) { return error == -EINVAL || error == -kernel_enotsupp || error == -EOPNOTSUPP; }

auto cannot_read(int error) {
    return fail(ErrorKind::defect, tr("cannot read flow_stats: {}; please report it", std::strerror(-error)));
}

/// A hash is read bucket by bucket, and a bucket is never split. So an entry keeps its place whatever
/// happens to the others (an entry's bucket is its key's), and the walk ends at the last bucket.
/// 0 or a negative errno.
int read_in_batches(MapCalls &calls, Records &records) {
    std::uint32_t position = 0;
    bool started = false;
    std::uint32_t batch = first_batch;
    for (;;) {
        const auto room = records.room_for(batch);
        std::uint32_t count = batch;
        std::uint32_t next = 0;
        const int result = calls.lookup_batch(started ? &position : nullptr, &next, room.socks, room.records, count);
        const bool done = result == -ENOENT;
        records.grow(result == 0 || done ? count : 0);
        if (done) {
            return 0;
        }
        if (result == -ENOSPC) { // one bucket holds more than the whole batch
            batch *= 2;
            continue;
        }
        if (result != 0) {
            return result;
        }
        position = next;
        started = true;
    }
}

/// Without batches the kernel finds the next key from the one before it; when that one was deleted
/// meanwhile, it begins again at the first. Keys already read are passed over.
Result<std::uint64_t> read_one_by_one(MapCalls &calls, std::size_t max_entries, Records &records) {
    std::unordered_set<std::uint64_t> seen;
    std::uint64_t restarts = 0;
    const std::size_t most_steps = 16 * (max_entries + 1);
    bool reading_again = false;
    std::uint64_t key = 0;
    int result = calls.next_key(nullptr, key);
    for (std::size_t step = 0; result == 0; ++step) {
        if (step == most_steps) {
            return fail(ErrorKind::defect, tr("flow_stats changes faster than it can be read without "
                                              "BPF_MAP_LOOKUP_BATCH; a kernel from 5.6 on has that"));
        }
        if (!seen.insert(key).second) {
            restarts += reading_again ? 0 : 1;
            reading_again = true;
        } else {
            reading_again = false;
            const auto room = records.room_for(1);
            const int found = calls.lookup(key, room.records);
            if (found == 0) {
                *room.socks = key;
                records.grow(1);
            } else if (found != -ENOENT) {
                return cannot_read(found);
            }
        }
        std::uint64_t next = 0;
        result = calls.next_key(&key, next);
        key = next;
    }
    if (result != -ENOENT) {
        return cannot_read(result);
    }
    return restarts;
}

} // namespace

Result<std::uint64_t> read_all(MapCalls &calls, std::size_t max_entries, Records &records) {
    records.clear();
    const int result = read_in_batches(calls, records);
    if (result == 0) {
        return 0;
    }
    if (!batches_unknown(result)) {
        return cannot_read(result);
    }
    records.clear();
    return read_one_by_one(calls, max_entries, records);
}

Result<FlowTable> FlowTable::open(const Program &program) {
    const auto map = program.map("flow_stats");
    if (!map) {
        return fail(
            ErrorKind::program_rejected,
            tr("{} has no table flow_stats; declare BPF_HASH(flow_stats, u64, struct flow_stats_t)", program.name()));
    }
    const auto &description = *map->description;
    if (description.type != BPF_MAP_TYPE_HASH && description.type != BPF_MAP_TYPE_LRU_HASH) {
        return fail(ErrorKind::program_rejected,
                    tr("table flow_stats of {} is not a hash; declare it with BPF_HASH or BPF_TABLE(\"lru_hash\", ...)",
                       program.name()));
    }
    if (description.key_size != sizeof(std::uint64_t)) {
        return fail(ErrorKind::program_rejected,
                    tr("the key of flow_stats in {} has {} bytes; it must be the 8-byte address of the struct sock "
                       "(u64)",
                       program.name(), description.key_size));
    }
    if (!description.no_layout.empty()) {
        return fail(ErrorKind::program_rejected, description.no_layout);
    }
    return FlowTable(map->fd, description.value, description.max_entries);
}

Result<std::uint64_t> FlowTable::read(Records &records) const {
    KernelMap map(fd_);
    return read_all(map, max_entries_, records);
}

std::optional<std::vector<std::byte>> FlowTable::look_up(std::uint64_t sock) const {
    std::vector<std::byte> value(layout_.size());
    return KernelMap(fd_).lookup(sock, value.data()) == 0 ? std::optional(std::move(value)) : std::nullopt;
}

void FlowTable::remove(std::uint64_t sock) const { bpf_map_delete_elem(fd_, &sock); }

bool FlowTable::may_be_read() const {
    std::uint64_t nobody = 0; // no socket has that address
    std::vector<std::byte> value(layout_.size());
    std::uint32_t next = 0;
    std::uint32_t no_entries = 0;
    KernelMap map(fd_);
    for (const int result : {map.lookup(nobody, value.data()), bpf_map_delete_elem(fd_, &nobody),
                             map.lookup_batch(nullptr, &next, &nobody, value.data(), no_entries)}) {
        if (result == -EPERM || result == -EACCES) {
            return false;
        }
    }
    return true;
}

} // namespace tcp_stats
