#include "live/cells.h"

#include <algorithm>

namespace tcp_stats {
namespace {

/// How many bytes of `text` fit into `width` cells.
std::size_t bytes_within(std::string_view text, std::size_t width) {
    std::size_t used = 0;
    auto rest = text;
    while (!rest.empty()) {
        auto after = rest;
        used += cells_of(take_character(after));
        if (used > width) {
            break;
        }
        rest = after;
    }
    return text.size() - rest.size();
}

bool begins_with_mark(std::string_view text) { return cells_of(take_character(text)) == 0; }

} // namespace

std::string cut(std::string_view text, std::size_t width) {
    if (bytes_within(text, width) == text.size() || width == 0) {
        return std::string(text.substr(0, width == 0 ? 0 : text.size()));
    }
    return std::string(text.substr(0, bytes_within(text, width - 1))) + "~";
}

std::string cut_middle(std::string_view text, std::size_t width) {
    if (cells(text) <= width || width < 3) {
        return cut(text, width);
    }
    const auto end_cells = width / 2;
    auto end = text;
    while (cells(end) > end_cells ||
           (!end.empty() && begins_with_mark(end))) { // a mark belongs to what it stands behind
        take_character(end);
    }
    return cut(text, width - end_cells) + std::string(end);
}

std::string fitted(std::string_view text, std::size_t width) {
    auto fitting = cut(text, width);
    return fitting + std::string(width - cells(fitting), ' ');
}

std::string fitted_right(std::string_view text, std::size_t width) {
    auto fitting = cut(text, width);
    return std::string(width - cells(fitting), ' ') + fitting;
}

std::size_t cells(const Line &line) {
    std::size_t sum = 0;
    for (const auto &span : line) {
        sum += cells(span.text);
    }
    return sum;
}

Line cut(Line line, std::size_t width) {
    std::size_t used = 0;
    for (auto span = line.begin(); span != line.end(); ++span) {
        const auto wide = cells(span->text);
        if (used + wide > width) {
            span->text = cut(span->text, width - used);
            line.erase(span + 1, line.end());
            break;
        }
        used += wide;
    }
    return line;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        auto end = text.size();
        if (cells(text) > width) {
            auto rest = text;
            take_character(rest);
            end = std::max(bytes_within(text, width), text.size() - rest.size());
            const auto blank = text.rfind(' ', end);
            end = blank == text.npos || blank == 0 ? end : blank;
        }
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    }
    return lines;
}

std::string utf8(char32_t character) {
    const auto byte = [](char32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
    const auto further = [&](unsigned shift) { return byte(0x80U | ((character >> shift) & 0x3fU)); };
    if (character < 0x80) {
        return {byte(character)};
    }
    if (character < 0x800) {
        return {byte(0xc0U | (character >> 6U)), further(0)};
    }
    if (character < 0x10000) {
        return {byte(0xe0U | (character >> 12U)), further(6), further(0)};
    }
    return {byte(0xf0U | (character >> 18U)), further(12), further(6), further(0)};
}

std::string utf8(std::u32string_view text) {
    std::string bytes;
    for (const auto character : text) {
        bytes += utf8(character);
    }
    return bytes;
}

} // namespace tcp_stats
