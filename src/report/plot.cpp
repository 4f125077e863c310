#include "report/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/translate.h"
#include "output/human.h"
#include "output/time_text.h"

namespace tcp_stats {
namespace {

constexpr WallTime day_ns = 86'400'000'000'000;
/// Of the drawing, which is stretched to what room there is.
constexpr double width = 1000, height = 100;

/// The least round number that is not below.
double round_above(double value) {
    const double power = std::pow(10, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0}) {
        if (step * power >= value * (1 - 1e-9)) {
            return step * power;
        }
    }
    return 10 * power;
}

/// NaN: it has none.
double highest(const std::vector<double> &values) {
    double highest = std::numeric_limits<double>::quiet_NaN();
    for (const double value : values) {
        highest = std::isnan(value) ? highest : std::isnan(highest) ? value : std::max(highest, value);
    }
    return highest;
}

double highest(const Plot &plot) {
    std::vector<double> of_curves;
    for (const auto &curve : plot.curves) {
        of_curves.push_back(highest(curve.values));
    }
    return highest(of_curves);
}

/// So that times of its axis are told apart.
std::string clock_text(const Plot &plot, WallTime time) {
    return plot.end - plot.begin > day_ns ? day_and_minute(time_point(time)) : time_of_day(time_point(time));
}

class Drawing {
public:
    Drawing(const Plot &plot, double top, Html &html) : plot_(plot), top_(top), html_(html) {}

    void write() {
        html_.markup(fmt::format(R"(<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label=")",
                                 width, height));
        html_.text(plot_.title).markup(R"("><path class="grid" d="M0 0H1000M0 50H1000M0 100H1000"/>)");
        for (std::size_t i = 0; i < plot_.curves.size(); ++i) {
            html_.markup(fmt::format(R"(<path class="c{}" d=")", i));
            write_path(plot_.curves[i].values);
            html_.markup("\"/>");
        }
        write_values();
        html_.markup("</svg>");
    }

private:
    double x(WallTime time) const {
        const auto length = static_cast<double>(std::max<WallTime>(plot_.end - plot_.begin, 1));
        return std::clamp(static_cast<double>(time - plot_.begin) / length, 0.0, 1.0) * width;
    }
    double y(double value) const { return height - value / top_ * height; }

    void write_path(const std::vector<double> &values) {
        bool joined = false;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (std::isnan(values[i])) {
                joined = false;
                continue;
            }
            const auto &[begin, end] = plot_.stretches[i];
            joined = joined && plot_.stretches[i - 1].end >= begin;
            html_.markup(joined ? fmt::format("V{:.1f}", y(values[i]))
                                : fmt::format("M{:.1f} {:.1f}", x(begin), y(values[i])));
            html_.markup(fmt::format("H{:.1f}", x(end)));
            joined = true;
        }
    }

    /// What a pointer that stands on a stretch is told.
    void write_values() {
        html_.markup(R"(<g class="values">)");
        for (std::size_t i = 0; i < plot_.stretches.size(); ++i) {
            const auto &[begin, end] = plot_.stretches[i];
            std::string text = clock_text(plot_, begin);
            for (const auto &curve : plot_.curves) {
                if (!std::isnan(curve.values[i])) {
                    text += fmt::format("{} {} {}", &curve == &plot_.curves.front() ? ":" : ",", curve.name,
                                        human(curve.values[i], plot_.unit));
                }
            }
            html_.markup(fmt::format(R"(<rect x="{:.1f}" width="{:.1f}" height="{}"><title>)", x(begin),
                                     std::max(x(end) - x(begin), 1.0), height));
            html_.text(text).markup("</title></rect>");
        }
        html_.markup("</g>");
    }

    const Plot &plot_;
    double top_;
    Html &html_;
};

} // namespace

void write_plot(const Plot &plot, Html &html) {
    html.markup(plot.is_small ? R"(<figure class="small"><figcaption>)" : "<figure><figcaption>");
    html.element("b", plot.title);
    for (std::size_t i = 0; i < plot.curves.size(); ++i) {
        const auto &[name, values] = plot.curves[i];
        const auto most = highest(values);
        const auto up_to = std::isnan(most) ? tr("not recorded") : tr("up to {}", human(most, plot.unit));
        html.markup(" ").element(fmt::format(R"(span class="key c{}")", i),
                                 plot.curves.size() == 1 ? up_to : fmt::format("{} {}", name, up_to));
    }
    html.markup("</figcaption>");
    const auto largest = highest(plot);
    if (std::isnan(largest)) {
        html.element("p", tr("nothing is known of it")).markup("</figure>\n");
        return;
    }
    const auto top = largest > 0 ? round_above(largest) : 1;
    html.markup(R"(<div class="area"><div class="y">)");
    for (const double value : {top, top / 2, 0.0}) {
        html.element("span", human(value, plot.unit));
    }
    html.markup("</div>");
    Drawing(plot, top, html).write();
    html.markup(R"(</div><div class="x">)");
    constexpr int ticks = 4;
    for (int i = 0; i <= ticks; ++i) {
        html.element("span", clock_text(plot, plot.begin + (plot.end - plot.begin) / ticks * i));
    }
    html.markup("</div></figure>\n");
}

} // namespace tcp_stats
