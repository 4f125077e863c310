// The list of flows: which, in what order, which columns, which of them is selected.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "live/frame.h"
#include "live/key.h"
#include "live/picture.h"
#include "view/view.h"

namespace tcp_stats {

/// Flows are chosen and ordered when they, the filter or the order change, not when one looks at others; only what is
/// to be seen is made text.
class FlowList {
public:
    /// Its flows meet `view.where` whatever else is asked for. One column at least.
    FlowList(View view, std::vector<const Column *> columns, bool unicode);

    void set_frame(Frame frame);
    void set_filter(std::optional<Filter> filter);
    void set_columns(std::vector<const Column *> columns);
    void sort_by(const Column *column);

    /// Moves the selection, the columns that are to be seen, the order. Whether the key is one of the list's.
    bool press(const Key &key);

    /// A line of headings, and the rows that fit below it.
    std::vector<Line> lines(Size size);

    const Frame &frame() const { return frame_; }
    const std::vector<Row> &rows() const { return rows_; }
    const std::vector<const Column *> &columns() const { return columns_; }
    const Order &order() const { return view_.order; }
    std::size_t top() const { return top_; }

    /// The selected row; null where none is shown. The selection stays with its flow. That at the top, where it is
    /// first and after Home, stays at the top, whatever flow is there.
    const Row *selected() const;

private:
    struct Shown {
        const Column *column;
        std::size_t width;
    };

    bool press_letter(char32_t letter);
    void arrange();
    void select(std::size_t row);
    void move(std::ptrdiff_t rows);
    void scroll_columns(bool further);
    void move_order(int step);
    void scroll_to_order(std::size_t width);
    std::string heading_of(const Column &column) const;
    std::vector<Shown> columns_that_fit(std::size_t begin, std::size_t end, std::size_t width);
    Line headings(const std::vector<Shown> &shown, std::size_t width) const;
    Line row(std::size_t number, const std::vector<Shown> &shown, std::size_t width) const;

    View view_;
    std::size_t given_; ///< how many conditions view_.where has without the filter
    std::vector<const Column *> columns_;
    bool unicode_;
    Frame frame_;
    std::vector<Row> rows_; ///< of frame_
    std::size_t selected_ = 0;
    std::optional<std::uint64_t> selected_id_; ///< absent: the first row, whatever flow that is
    std::size_t top_ = 0;                      ///< the first row that is to be seen
    std::size_t page_ = 1;                     ///< rows that are to be seen
    std::size_t first_column_ = 0;
    bool order_moved_ = false; ///< since it was drawn: its column is to be seen
    /// They do not become narrower again, so that columns stay where they are.
    std::map<const Column *, std::size_t> widths_;
};

} // namespace tcp_stats
