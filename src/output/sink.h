// Where text goes: into a buffer, and from there in large pieces to whoever takes it.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "record/value.h"

namespace tcp_stats {

class Sink {
public:
    static constexpr std::size_t size = std::size_t(64) * 1024;

    /// `take` gets all that is put in, in order. What it cannot do with it is its own matter: writers go on.
    explicit Sink(std::function<void(std::string_view)> take) : take_(std::move(take)) {}
    Sink(const Sink &) = delete;
    Sink &operator=(const Sink &) = delete;
    ~Sink() = default;

    /// Room for `count` characters, at most `size`; `taken` says up to where they were written.
    char *room_for(std::size_t count) {
        if (size - used_ < count) {
            flush();
        }
        return buffer_->data() + used_;
    }
    void taken(const char *end) { used_ = static_cast<std::size_t>(end - buffer_->data()); }

    void put(char c) {
        *room_for(1) = c;
        ++used_;
    }

    void put(std::string_view text) {
        if (text.size() > size) {
            flush();
            take_(text);
            return;
        }
        used_ += text.copy(room_for(text.size()), text.size());
    }

    void put(std::uint64_t number) {
        if (const auto short_number = static_cast<std::uint32_t>(number); short_number == number) {
            put_chars(short_number); // its divisions are cheaper
        } else {
            put_chars(number);
        }
    }
    void put(std::int64_t number) { put_chars(number); }

    template <typename End> void put_end(const End &end) { taken(to_chars(room_for(longest_end), end)); }

    /// `0x1f`
    void put_pointer(std::uint64_t number) {
        put(std::string_view("0x"));
        auto *text = room_for(most_digits);
        taken(std::to_chars(text, text + most_digits, number, 16).ptr);
    }

    void put_hex(const RawBytes &bytes);

    /// Rounded to so many decimals, at most 3.
    void put_decimal(double number, unsigned decimals);

    /// With one decimal; below 1 with three, so that two events in a minute are not 0.0 a second.
    void put_decimal(double number);

    /// Hands over what is in the buffer.
    void flush() {
        if (used_ > 0) {
            take_({buffer_->data(), used_});
            used_ = 0;
        }
    }

private:
    static constexpr std::size_t most_digits = 24;

    template <typename Number> void put_chars(Number number) {
        auto *text = room_for(most_digits);
        taken(std::to_chars(text, text + most_digits, number).ptr);
    }

    std::function<void(std::string_view)> take_;
    std::unique_ptr<std::array<char, size>> buffer_ = std::make_unique<std::array<char, size>>();
    std::size_t used_ = 0;
};

} // namespace tcp_stats
