// Records as the kernel hands them over: many in one piece of memory, which is kept and used again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace tcp_stats {

/// One flow's flow_stats_t.
using Record = std::span<const std::byte>;

/// Records of one program, each with the socket that it is of. Growing keeps what is there. Memory that nobody fills is
/// not touched.
class Records {
public:
    /// `record_size` in bytes.
    explicit Records(std::size_t record_size) : record_size_(record_size) {}

    std::size_t record_size() const { return record_size_; }
    std::size_t size() const { return size_; }

    /// The address of the kernel's struct sock that is the key.
    std::uint64_t sock(std::size_t index) const { return socks_[index]; }
    Record operator[](std::size_t index) const { return {records_.get() + index * record_size_, record_size_}; }

    /// How many there is memory for.
    std::size_t capacity() const { return capacity_; }

    /// Keeps the memory.
    void clear() { size_ = 0; }

    void add(std::uint64_t sock, const std::byte *record) {
        const auto room = room_for(1);
        *room.socks = sock;
        std::copy_n(record, record_size_, room.records);
        grow(1);
    }

    /// Where further ones go: keys, and as many records end to end.
    struct Room {
        std::uint64_t *socks;
        std::byte *records;
    };

    /// Valid until the next call.
    Room room_for(std::size_t count) {
        if (size_ + count > capacity_) {
            reserve(std::max(size_ + count, 2 * capacity_));
        }
        return {socks_.get() + size_, records_.get() + size_ * record_size_};
    }

    /// The first `count` of the room that was given are records now.
    void grow(std::size_t count) { size_ += count; }

private:
    void reserve(std::size_t capacity) {
        auto socks = std::make_unique_for_overwrite<std::uint64_t[]>(capacity);
        auto records = std::make_unique_for_overwrite<std::byte[]>(capacity * record_size_);
        std::copy_n(socks_.get(), size_, socks.get());
        std::copy_n(records_.get(), size_ * record_size_, records.get());
        socks_ = std::move(socks);
        records_ = std::move(records);
        capacity_ = capacity;
    }

    std::size_t record_size_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::unique_ptr<std::uint64_t[]> socks_;
    std::unique_ptr<std::byte[]> records_;
};

} // namespace tcp_stats
