#include "live/edit_line.h"

#include "live/cells.h"

namespace tcp_stats {

EditLine::EditLine(std::string_view text) {
    while (!text.empty()) {
        text_ += take_character(text);
    }
    cursor_ = text_.size();
}

bool EditLine::press(const Key &key) {
    using enum Key::Code;
    switch (key.code) {
    case character:
        if (key.character < ' ' || key.character == 0x7f) {
            return press_control(key.character);
        }
        text_.insert(cursor_++, 1, key.character);
        return true;
    case backspace:
        if (cursor_ > 0) {
            text_.erase(--cursor_, 1);
        }
        return true;
    case remove:
        text_.erase(cursor_, 1);
        return true;
    case left:
        cursor_ -= cursor_ > 0 ? 1 : 0;
        return true;
    case right:
        cursor_ += cursor_ < text_.size() ? 1 : 0;
        return true;
    case home:
        cursor_ = 0;
        return true;
    case end:
        cursor_ = text_.size();
        return true;
    default:
        return false;
    }
}

bool EditLine::press_control(char32_t character) {
    if (character == control('a')) {
        cursor_ = 0;
    } else if (character == control('e')) {
        cursor_ = text_.size();
    } else if (character == control('u')) {
        text_.erase(0, cursor_);
        cursor_ = 0;
    } else if (character == control('k')) {
        text_.erase(cursor_);
    } else if (character == control('w')) {
        const auto word = text_.find_last_not_of(U' ', cursor_ == 0 ? 0 : cursor_ - 1);
        const auto blank = word == text_.npos ? word : text_.rfind(U' ', word);
        const auto from = blank == text_.npos ? 0 : blank + 1;
        text_.erase(from, cursor_ - from);
        cursor_ = from;
    } else {
        return false;
    }
    return true;
}

std::string EditLine::text() const { return utf8(text_); }

std::string EditLine::text_before_cursor() const { return utf8(std::u32string_view(text_).substr(0, cursor_)); }

} // namespace tcp_stats
