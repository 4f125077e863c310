// Where text goes: into a buffer, and from there in large pieces to whoever takes it.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <fmt/compile.h>

namespace tcp_stats {

class Sink {
public:
    static constexpr std::size_t size = std::size_t(64) * 1024;

    /// `take` gets all that is put in, in order. What it cannot do with it is its own matter: writers go on.
    explicit Sink(std::function<void(std::string_view)> take) : take_(std::move(take)) {}

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
        auto *text = room_for(most_digits);
        const auto short_number = static_cast<std::uint32_t>(number); // its divisions are cheaper
        taken(short_number == number ? std::to_chars(text, text + most_digits, short_number).ptr
                                     : std::to_chars(text, text + most_digits, number).ptr);
    }

    /// As fmt has it, a line at most: not for text of any length. `format`: FMT_COMPILE("…").
    template <typename Format, typename... Values> void print(const Format &format, const Values &...values) {
        constexpr std::size_t longest = 1024;
        taken(fmt::format_to(room_for(longest), format, values...));
    }

    /// With three decimals, or one.
    void put_decimal(double number, bool three);

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
    static constexpr std::size_t most_digits = 20;

    char *room_for(std::size_t count) {
        if (size - used_ < count) {
            flush();
        }
        return buffer_->data() + used_;
    }
    void taken(const char *end) { used_ = static_cast<std::size_t>(end - buffer_->data()); }

    std::function<void(std::string_view)> take_;
    std::unique_ptr<std::array<char, size>> buffer_ = std::make_unique<std::array<char, size>>();
    std::size_t used_ = 0;
};

} // namespace tcp_stats
