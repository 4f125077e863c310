#include "live/flow_list.h"

#include <algorithm>

#include "live/cells.h"
#include "output/human.h"

namespace tcp_stats {
namespace {

constexpr std::size_t gap = 2;
/// Marks of the selected row and of a closed flow stand before the first column.
constexpr std::size_t marks = 2;

/// A column takes a quarter of the screen at most, but an IPv4 address and its port always fit.
std::size_t widest_column(std::size_t width) {
    constexpr std::size_t longest_ipv4 = 21;
    return std::max(longest_ipv4, width / 4);
}

Style style_of(const Value &value) {
    const auto *word = std::get_if<Word>(&value);
    return word != nullptr && word->naming == Naming::limit ? style_of(static_cast<Limit>(word->number)) : Style::plain;
}

std::string in_column(const Column &column, const std::string &text, std::size_t width) {
    return is_number(column.type) ? fitted_right(text, width) : fitted(cut_middle(text, width), width);
}

} // namespace

FlowList::FlowList(View view, std::vector<const Column *> columns, bool unicode)
    : view_(std::move(view)), given_(view_.where.size()), columns_(std::move(columns)), unicode_(unicode) {}

void FlowList::set_frame(Frame frame) {
    frame_ = std::move(frame);
    arrange();
}

void FlowList::set_filter(std::optional<Filter> filter) {
    view_.where.erase(view_.where.begin() + static_cast<std::ptrdiff_t>(given_), view_.where.end());
    if (filter) {
        view_.where.push_back(std::move(*filter));
    }
    arrange();
}

void FlowList::set_columns(std::vector<const Column *> columns) {
    columns_ = std::move(columns);
    first_column_ = std::min(first_column_, columns_.size() - 1);
}

void FlowList::sort_by(const Column *column) {
    // Of numbers the large ones are what one looks for.
    view_.order = {column, is_number(column->type)};
    order_moved_ = true;
    arrange();
}

const Row *FlowList::selected() const { return rows_.empty() ? nullptr : &rows_[selected_]; }

/// Chooses and orders the flows, and finds the selected one again.
void FlowList::arrange() {
    rows_ = rows_in_view(frame_.rows(), view_);
    if (!selected_id_) {
        selected_ = top_ = 0;
        return;
    }
    const auto found =
        std::find_if(rows_.begin(), rows_.end(), [&](const Row &row) { return row.id() == selected_id_; });
    if (found != rows_.end()) {
        selected_ = static_cast<std::size_t>(found - rows_.begin());
    } else if (!rows_.empty()) { // its neighbour
        select(std::min(selected_, rows_.size() - 1));
    }
}

void FlowList::select(std::size_t row) {
    selected_ = row;
    selected_id_ = rows_[row].id();
}

void FlowList::move(std::ptrdiff_t rows) {
    if (!rows_.empty()) {
        const auto last = static_cast<std::ptrdiff_t>(rows_.size()) - 1;
        const auto wanted = static_cast<std::ptrdiff_t>(selected_) + rows;
        select(static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(wanted, 0, last)));
    }
}

void FlowList::move_order(int step) {
    const auto found = std::find(columns_.begin(), columns_.end(), view_.order.column);
    const auto count = columns_.size();
    const auto place = static_cast<std::size_t>(found - columns_.begin());
    if (found == columns_.end()) {
        sort_by(step > 0 ? columns_.front() : columns_.back());
    } else {
        sort_by(columns_[(place + count + static_cast<std::size_t>(step)) % count]);
    }
}

void FlowList::scroll_columns(bool further) {
    if (further) {
        first_column_ = std::min(first_column_ + 1, columns_.size() - 1);
    } else if (first_column_ > 0) {
        --first_column_;
    }
}

bool FlowList::press(const Key &key) {
    const auto page = static_cast<std::ptrdiff_t>(page_);
    using enum Key::Code;
    switch (key.code) {
    case up:
        move(-1);
        return true;
    case down:
        move(1);
        return true;
    case page_up:
        move(-page);
        return true;
    case page_down:
        move(page);
        return true;
    case home:
        selected_id_.reset();
        selected_ = top_ = 0;
        return true;
    case end:
        move(static_cast<std::ptrdiff_t>(rows_.size()));
        return true;
    case left:
        scroll_columns(false);
        return true;
    case right:
        scroll_columns(true);
        return true;
    case character:
        return press_letter(key.character);
    default:
        return false;
    }
}

bool FlowList::press_letter(char32_t letter) {
    switch (letter) {
    case U'[':
        scroll_columns(false);
        return true;
    case U']':
        scroll_columns(true);
        return true;
    case U'j':
        move(1);
        return true;
    case U'k':
        move(-1);
        return true;
    case U'g':
        return press({Key::Code::home});
    case U'G':
        return press({Key::Code::end});
    case U'<':
    case U',':
        move_order(-1);
        return true;
    case U'>':
    case U'.':
        move_order(1);
        return true;
    case U'r':
    case U'R':
        view_.order.descending = !view_.order.descending;
        arrange();
        return true;
    default:
        return false;
    }
}

std::string FlowList::heading_of(const Column &column) const {
    auto text = heading(column.name);
    if (&column == view_.order.column) {
        text += view_.order.descending ? (unicode_ ? "▼" : "v") : (unicode_ ? "▲" : "^");
    }
    return text;
}

std::vector<FlowList::Shown> FlowList::columns_that_fit(std::size_t begin, std::size_t end, std::size_t width) {
    std::vector<Shown> shown;
    std::size_t used = marks;
    for (auto i = first_column_; i < columns_.size(); ++i) {
        const auto &column = *columns_[i];
        auto &wide = widths_[&column];
        wide = std::max(wide, cells(heading_of(column)));
        for (auto row = begin; row < end; ++row) {
            wide = std::max(wide, cells(human(value(column, rows_[row]), column.unit)));
        }
        wide = std::min(wide, widest_column(width));
        used += wide + (shown.empty() ? 0 : gap);
        if (used > width && !shown.empty()) {
            break;
        }
        shown.push_back({&column, wide});
    }
    return shown;
}

/// Moves the columns until that of the order is to be seen.
void FlowList::scroll_to_order(std::size_t width) {
    const auto found = std::find(columns_.begin(), columns_.end(), view_.order.column);
    if (!order_moved_ || found == columns_.end()) {
        return;
    }
    order_moved_ = false;
    const auto place = static_cast<std::size_t>(found - columns_.begin());
    first_column_ = std::min(first_column_, place);
    const auto end = std::min(rows_.size(), top_ + page_);
    while (first_column_ < place && first_column_ + columns_that_fit(top_, end, width).size() <= place) {
        ++first_column_;
    }
}

std::vector<Line> FlowList::lines(Size size) {
    page_ = std::max<std::size_t>(size.rows, 2) - 1;
    top_ = std::min(top_, selected_);
    top_ = std::max(top_, selected_ + 1 - std::min(page_, selected_ + 1));
    top_ = std::min(top_, rows_.size() - std::min(page_, rows_.size()));
    const auto end = std::min(rows_.size(), top_ + page_);
    scroll_to_order(size.columns);
    const auto shown = columns_that_fit(top_, end, size.columns);
    std::vector<Line> lines = {headings(shown, size.columns)};
    for (auto number = top_; number < end; ++number) {
        lines.push_back(row(number, shown, size.columns));
    }
    return lines;
}

Line FlowList::headings(const std::vector<Shown> &shown, std::size_t width) const {
    Line line = {{std::string(marks, ' '), Style::heading}};
    for (const auto &[column, wide] : shown) {
        if (line.size() > 1) {
            line.push_back({std::string(gap, ' '), Style::heading});
        }
        line.push_back({in_column(*column, heading_of(*column), wide),
                        column == view_.order.column ? Style::sorted : Style::heading});
    }
    const auto used = cells(line);
    line.push_back({std::string(width - std::min(width, used), ' '), Style::heading});
    return line;
}

Line FlowList::row(std::size_t number, const std::vector<Shown> &shown, std::size_t width) const {
    const bool closed = rows_[number].closed();
    RowValues values(rows_[number]);
    const bool marked = number == selected_;
    const auto whole =
        marked ? (closed ? Style::selected_faint : Style::selected) : (closed ? Style::faint : Style::plain);
    Line line = {{std::string(marked ? ">" : " ") + (closed ? "x" : " "), whole}};
    for (const auto &[column, wide] : shown) {
        const auto value = values[*column];
        const auto text = human(value, column->unit);
        const auto style = whole == Style::plain ? style_of(value) : whole;
        line.push_back({(line.size() > 1 ? std::string(gap, ' ') : "") + in_column(*column, text, wide), style});
    }
    const auto used = cells(line);
    line.push_back({std::string(width - std::min(width, used), ' '), whole});
    return line;
}

} // namespace tcp_stats
