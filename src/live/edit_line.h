// A line of text that is typed.
#pragma once

#include <string>

#include "live/key.h"

namespace tcp_stats {

class EditLine {
public:
    EditLine() = default;
    /// With the cursor behind it; `text` is UTF-8.
    explicit EditLine(std::string_view text);

    /// Characters, Backspace, Delete, the cursor keys, Home and End; Ctrl-A, -E, -U, -K and -W as in a shell. Whether
    /// the key was one of these.
    bool press(const Key &key);

    std::string text() const; ///< UTF-8
    std::string text_before_cursor() const;

private:
    bool press_control(char32_t character);

    std::u32string text_;
    std::size_t cursor_ = 0;
};

} // namespace tcp_stats
