// Reads the BPF hash `flow_stats` whole, while the kernel goes on changing it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "kernel/program.h"
#include "record/records.h"

namespace tcp_stats {

/// The three calls of bpf(2) that a read needs; each returns 0 or a negative errno. A test gives its own.
class MapCalls {
public:
    virtual ~MapCalls() = default;
    /// BPF_MAP_LOOKUP_BATCH: up to `count` entries from bucket `*in` (null: the first) on; sets `out`
    /// to where the next call begins, and `count` to how many there are. -ENOENT with a count: the last.
    virtual int lookup_batch(std::uint32_t *in, std::uint32_t *out, std::uint64_t *keys, std::byte *values,
                             std::uint32_t &count) = 0;
    /// BPF_MAP_GET_NEXT_KEY: -ENOENT behind the last; from the first again where `key` is gone.
    virtual int next_key(const std::uint64_t *key, std::uint64_t &next) = 0;
    virtual int lookup(std::uint64_t key, std::byte *value) = 0;
};

/// Reads every entry into `records`, in place of what was there. Entries that stay throughout the read are in it
/// exactly once; one that comes or goes meanwhile may be in it or not, at most once. Uses batches (Linux 5.6), and
/// single look-ups where the kernel lacks those; returns how often such a walk began again, because the entry it stood
/// at was deleted. Error: defect, when the kernel refuses a call, or when a table without batches changes so fast that
/// the walk cannot come to its end.
Result<std::uint64_t> read_all(MapCalls &calls, std::size_t max_entries, Records &records);

/// The table `flow_stats` of a program.
class FlowTable {
public:
    /// Error: program_rejected, when the program has no table flow_stats, or one that is no hash with
    /// an 8-byte key and a struct for its value.
    static Result<FlowTable> open(const Program &program);

    /// One that is there already, and outlives it.
    FlowTable(int fd, RecordLayout layout, std::size_t max_entries)
        : fd_(fd), layout_(std::move(layout)), max_entries_(max_entries) {}

    /// Where a record's fields lie.
    const RecordLayout &layout() const { return layout_; }

    std::size_t max_entries() const { return max_entries_; }

    /// See `read_all`.
    Result<std::uint64_t> read(Records &records) const;

    /// The record of one socket as it is now, if there is one.
    std::optional<std::vector<std::byte>> look_up(std::uint64_t sock) const;

    void remove(std::uint64_t sock) const;

    /// Whether the kernel lets this process do these, as it is now. Nothing is read or removed.
    bool may_be_read() const;

private:
    int fd_; ///< the Program's
    RecordLayout layout_;
    std::size_t max_entries_;
};

} // namespace tcp_stats
