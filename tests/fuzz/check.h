// What a fuzz target demands of the code under test. Where it does not hold, libFuzzer keeps the input.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/printable.h"

namespace fuzz {

inline void require(bool holds, const char *property, const std::string &about = {}) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n%s\n", property, about.c_str());
        std::abort();
    }
}

/// Characters of UTF-8, each in a cell of its own.
inline std::size_t width_of(std::string_view text) {
    std::size_t width = 0;
    for (const char c : text) {
        width += (static_cast<unsigned char>(c) & 0xc0U) == 0x80U ? 0 : 1;
    }
    return width;
}

/// Details are either none, or the text and below it a caret, which stands under the text or right behind it.
inline void require_caret_within_text(const tcp_stats::Error &error) {
    const std::string_view details = error.details;
    if (details.empty()) {
        return;
    }
    const auto end_of_text = details.find('\n');
    require(end_of_text != details.npos && details.starts_with("  "), "details are two lines", error.details);
    const auto below = details.substr(end_of_text + 1);
    require(below.ends_with('^') && below.find_first_not_of(' ') == below.size() - 1, "the second line is a caret",
            error.details);
    require(below.size() > 2 && below.size() - 1 <= width_of(details.substr(0, end_of_text)),
            "the caret stands within the text", error.details);
    require(tcp_stats::printable(details.substr(0, end_of_text)) == details.substr(0, end_of_text),
            "the text is printable", error.details);
}

} // namespace fuzz
