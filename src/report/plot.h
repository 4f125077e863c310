// Curves over time as inline SVG, with axes and values as HTML around it, so that text keeps its size on any screen.
#pragma once

#include <string>
#include <vector>

#include "loop/playback.h"
#include "record/units.h"
#include "report/html.h"

namespace tcp_stats {

struct Curve {
    std::string name;
    std::vector<double> values; ///< one for each stretch; NaN: there is none
};

struct Plot {
    struct Stretch {
        WallTime begin, end;
    };

    std::string title;
    Unit unit;
    WallTime begin, end; ///< of the axis
    std::vector<Stretch> stretches;
    std::vector<Curve> curves; ///< five at most
    bool is_small = false;
};

/// Each stretch is level; where one does not follow on the other there is a gap. With no value at all it says so.
void write_plot(const Plot &plot, Html &html);

} // namespace tcp_stats
