// Choosing columns from the list of all fields.
#pragma once

#include <vector>

#include "column/columns.h"
#include "live/key.h"
#include "live/picture.h"

namespace tcp_stats {

class Chooser {
public:
    enum class State { choosing, done, sort }; ///< sort: by the marked one, and done

    /// `chosen` are those that are shown. `columns` must outlive it.
    Chooser(const Columns &columns, std::vector<const Column *> chosen);

    State press(const Key &key);

    /// In the order in which they are shown: one that is added goes to the end. One at least.
    const std::vector<const Column *> &chosen() const { return chosen_; }
    const Column *marked() const { return &columns_.all()[marked_]; }

    std::vector<Line> lines(Size size);

private:
    void toggle();
    void move(std::ptrdiff_t rows);
    Line row(std::size_t number, std::size_t width) const;

    const Columns &columns_;
    std::vector<const Column *> chosen_;
    std::size_t marked_ = 0;
    std::size_t top_ = 0;
    std::size_t page_ = 1;
};

} // namespace tcp_stats
