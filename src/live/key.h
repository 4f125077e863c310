// A key that was pressed.
#pragma once

namespace tcp_stats {

struct Key {
    enum class Code {
        character,
        up,
        down,
        left,
        right,
        shift_left,
        shift_right,
        page_up,
        page_down,
        home,
        end,
        enter,
        escape,
        backspace,
        remove, ///< of what is under the cursor
        help,   ///< F1
        none,   ///< one that means nothing here
    };

    Code code = Code::none;
    char32_t character = 0; ///< of that code; control characters as they are, Ctrl-U is 0x15
};

constexpr Key character_key(char32_t character) { return {Key::Code::character, character}; }

/// `key & 0x1f`, as a terminal sends it.
constexpr char32_t control(char letter) { return static_cast<char32_t>(static_cast<unsigned char>(letter) & 0x1fU); }

} // namespace tcp_stats
