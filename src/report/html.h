// HTML that text of unknown origin cannot get out of.
#pragma once

#include <string>
#include <string_view>

#include "output/sink.h"

namespace tcp_stats {

/// `text` for an element or an attribute in quotes: markup as entities, control characters as \xNN, what is no UTF-8 as
/// U+FFFD.
std::string html_escaped(std::string_view text);

class Html {
public:
    /// `sink` must outlive it.
    explicit Html(Sink &sink) : sink_(sink) {}

    /// Markup as it is: only what this program itself made.
    Html &markup(std::string_view text) {
        sink_.put(text);
        return *this;
    }

    Html &text(std::string_view text) {
        sink_.put(html_escaped(text));
        return *this;
    }

    /// `<NAME>text</NAME>`. `name` may have attributes.
    Html &element(std::string_view name, std::string_view text);

private:
    Sink &sink_;
};

} // namespace tcp_stats
