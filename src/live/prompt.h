// A line in which something is typed, and what is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "live/edit_line.h"
#include "live/picture.h"

namespace tcp_stats {

class Prompt {
public:
    /// `before` stands before what is typed, which begins with `text`. What is wrong begins with `option` elsewhere,
    /// but not here.
    Prompt(std::string_view before, std::string_view option, std::string_view text)
        : before_(before), option_(option), line_(text) {}

    /// Takes back what was wrong.
    void press(const Key &key);

    std::string text() const { return line_.text(); }
    void set_mistake(Error mistake) { mistake_ = std::move(mistake); }

    /// What is typed, and where it is wrong a caret and a sentence. Long text is moved so that the cursor is seen.
    std::vector<Line> lines(std::size_t width) const;
    std::size_t cursor(std::size_t width) const; ///< the column, in the first line

private:
    std::size_t hidden(std::size_t width) const;

    std::string before_;
    std::string option_;
    EditLine line_;
    std::optional<Error> mistake_;
};

/// Whether the key leaves what is typed.
bool is_cancel(const Key &key);

} // namespace tcp_stats
