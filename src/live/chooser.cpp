#include "live/chooser.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/translate.h"
#include "live/cells.h"

namespace tcp_stats {
namespace {

constexpr std::size_t name_width = 16;
constexpr std::size_t unit_width = 11;
/// Lines for what the marked field means, below the list.
constexpr std::size_t meaning_lines = 3;

std::string meaning_of(const Column &column) {
    return column.field == nullptr ? tr("a field of the program's own") : column.field->meaning;
}

} // namespace

Chooser::Chooser(const Columns &columns, std::vector<const Column *> chosen)
    : columns_(columns), chosen_(std::move(chosen)) {}

void Chooser::toggle() {
    const auto found = std::find(chosen_.begin(), chosen_.end(), marked());
    if (found == chosen_.end()) {
        chosen_.push_back(marked());
    } else if (chosen_.size() > 1) {
        chosen_.erase(found);
    }
}

void Chooser::move(std::ptrdiff_t rows) {
    const auto last = static_cast<std::ptrdiff_t>(columns_.all().size()) - 1;
    marked_ =
        static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(marked_) + rows, 0, last));
}

Chooser::State Chooser::press(const Key &key) {
    const auto page = static_cast<std::ptrdiff_t>(page_);
    const auto all = static_cast<std::ptrdiff_t>(columns_.all().size());
    using enum Key::Code;
    switch (key.code) {
    case up:
        move(-1);
        break;
    case down:
        move(1);
        break;
    case page_up:
        move(-page);
        break;
    case page_down:
        move(page);
        break;
    case home:
        move(-all);
        break;
    case end:
        move(all);
        break;
    case enter:
    case escape:
        return State::done;
    case character:
        switch (key.character) {
        case U' ':
            toggle();
            break;
        case U'j':
            move(1);
            break;
        case U'k':
            move(-1);
            break;
        case U's':
            return State::sort;
        case U'c':
        case U'q':
            return State::done;
        default:
            break;
        }
        break;
    default:
        break;
    }
    return State::choosing;
}

Line Chooser::row(std::size_t number, std::size_t width) const {
    const auto &column = columns_.all()[number];
    const bool shown = std::find(chosen_.begin(), chosen_.end(), &column) != chosen_.end();
    const auto style = number == marked_ ? Style::selected : shown ? Style::strong : Style::plain;
    const auto text = fmt::format("{}[{}] {}  {}  {}", number == marked_ ? '>' : ' ', shown ? 'x' : ' ',
                                  fitted(printable_ascii(column.name), name_width),
                                  fitted(column.unit_name, unit_width), meaning_of(column));
    return {{fitted(text, width), style}};
}

std::vector<Line> Chooser::lines(Size size) {
    std::vector<Line> lines = {{{fitted(" " + tr("Columns: all fields there are"), size.columns), Style::heading}}};
    const auto room = size.rows > meaning_lines + 4 ? meaning_lines : 0; // the list comes first
    page_ = std::max<std::size_t>(size.rows, room + 2) - 1 - room;
    top_ = std::min(top_, marked_);
    top_ = std::max(top_, marked_ + 1 - std::min(page_, marked_ + 1));
    const auto end = std::min(columns_.all().size(), top_ + page_);
    for (auto number = top_; number < end; ++number) {
        lines.push_back(row(number, size.columns));
    }
    if (room != 0) {
        auto meaning = wrapped(meaning_of(*marked()), std::max<std::size_t>(size.columns, 1));
        meaning.resize(room);
        for (auto &text : meaning) {
            lines.push_back({{std::move(text), Style::plain}});
        }
    }
    return lines;
}

} // namespace tcp_stats
