// The line in which a condition is typed.
#pragma once

#include <optional>
#include <string>

#include "condition/filter.h"
#include "live/prompt.h"

namespace tcp_stats {

class FilterLine {
public:
    enum class State { typing, applied, cancelled };

    /// Begins with `text`. `columns` must outlive it.
    FilterLine(const Columns &columns, std::string_view text);

    /// Enter applies where the condition can be understood; else what is wrong stands below it until the next key.
    State press(const Key &key);

    std::string text() const { return prompt_.text(); }             ///< empty, or blanks: no condition
    const std::optional<Filter> &filter() const { return filter_; } ///< once applied

    const Prompt &prompt() const { return prompt_; }

private:
    const Columns &columns_;
    Prompt prompt_;
    std::optional<Filter> filter_;
};

} // namespace tcp_stats
