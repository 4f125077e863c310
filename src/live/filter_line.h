// The line in which a condition is typed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "condition/filter.h"
#include "live/edit_line.h"
#include "live/picture.h"

namespace tcp_stats {

class FilterLine {
public:
    enum class State { typing, applied, cancelled };

    /// Begins with `text`. `columns` must outlive it.
    FilterLine(const Columns &columns, std::string_view text) : columns_(columns), line_(text) {}

    /// Enter applies where the condition can be understood; else what is wrong stands below it until the next key.
    State press(const Key &key);

    std::string text() const { return line_.text(); }               ///< empty, or blanks: no condition
    const std::optional<Filter> &filter() const { return filter_; } ///< once applied

    /// What is typed, and where it is wrong a caret and a sentence. Long text is moved so that the cursor is seen.
    std::vector<Line> lines(std::size_t width) const;
    std::size_t cursor(std::size_t width) const; ///< the column, in the first line

private:
    std::size_t hidden(std::size_t width) const;

    const Columns &columns_;
    EditLine line_;
    std::optional<Filter> filter_;
    std::optional<Error> mistake_;
};

} // namespace tcp_stats
