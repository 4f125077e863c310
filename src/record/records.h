// Records as the kernel hands them over: many in one piece of memory, which is kept and used again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <span>

namespace tcp_stats {

/// One flow's flow_stats_t.
using Record = std::span<const std::byte>;

/// Records of one program, each with the socket that it is of. Growing keeps what is there. Memory that nobody fills is
/// not touched.
class Records {
public:
    /// So many can be told apart by 32 bits, with one number left for none.
    static constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();

    /// `record_size` in bytes.
    explicit Records(std::size_t record_size) : record_size_(record_size) {}

    std::size_t record_size() const { return record_size_; }
    std::size_t size() const { return size_; }

    /// The address of the kernel's struct sock that is the key.
    std::uint64_t sock(std::size_t index) const { return socks_.get()[index]; }
    Record operator[](std::size_t index) const { return {records_.get() + index * record_size_, record_size_}; }

    /// Keeps the memory, unless that is much more than was needed this time: of a crowd that has gone.
    void clear() {
        constexpr std::size_t always_kept = 8192;
        if (capacity_ > always_kept + 8 * size_) {
            socks_.reset();
            records_.reset();
            capacity_ = 0;
        }
        size_ = 0;
    }

    void add(std::uint64_t sock, const std::byte *record) {
        const auto room = room_for(1);
        *room.socks = sock;
        std::memcpy(room.records, record, record_size_);
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
    struct Free {
        void operator()(void *memory) const { std::free(memory); } // NOLINT(cppcoreguidelines-no-malloc)
    };

    /// By realloc(3), which moves pages of large blocks instead of copying them.
    template <typename T> static void resize(std::unique_ptr<T, Free> &memory, std::size_t count) {
        auto *larger = std::realloc(memory.get(), count); // NOLINT(cppcoreguidelines-no-malloc)
        if (larger == nullptr) {
            throw std::bad_alloc();
        }
        (void)memory.release();
        memory.reset(static_cast<T *>(larger));
    }

    void reserve(std::size_t capacity) {
        resize(socks_, capacity * sizeof(std::uint64_t));
        resize(records_, std::max<std::size_t>(1, capacity * record_size_));
        capacity_ = capacity;
    }

    std::size_t record_size_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    std::unique_ptr<std::uint64_t, Free> socks_;
    std::unique_ptr<std::byte, Free> records_;
};

} // namespace tcp_stats
