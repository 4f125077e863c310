// What is to be seen on the screen: lines of text with styles, whatever draws them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "record/value.h"

namespace tcp_stats {

/// What a piece of text is; how that looks is the screen's business.
enum class Style {
    plain,
    strong,
    faint, ///< of a flow that has closed
    heading,
    sorted, ///< the heading of the column that gives the order
    selected,
    selected_faint,
    paused,
    warning,
    graph,
    loss, ///< by what limits a flow
    rwnd,
    sndbuf,
    cwnd,
};

/// Of what a flow is limited by.
constexpr Style style_of(Limit limit) {
    switch (limit) {
    case Limit::loss:
        return Style::loss;
    case Limit::rwnd:
        return Style::rwnd;
    case Limit::sndbuf:
        return Style::sndbuf;
    case Limit::cwnd:
        return Style::cwnd;
    case Limit::app:
        break;
    }
    return Style::plain;
}

struct Span {
    std::string text; ///< UTF-8 without control characters
    Style style = Style::plain;
};

using Line = std::vector<Span>;

struct Size {
    std::size_t rows = 0;
    std::size_t columns = 0;
};

struct Picture {
    struct Cursor {
        std::size_t row;
        std::size_t column;
    };

    std::vector<Line> lines;           ///< from the top; what is not there is blank
    std::optional<Cursor> cursor = {}; ///< where one types; absent: nowhere
};

} // namespace tcp_stats
