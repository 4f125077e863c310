#include "report/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "base/translate.h"
#include "output/human.h"
#include "output/time_text.h"
#include "report/html.h"
#include "report/plot.h"
#include "report/verdict.h"
#include "report_style.h"

namespace tcp_stats {
namespace {

constexpr double absent = std::numeric_limits<double>::quiet_NaN();
/// In each table of who it was: those with most bytes, and of the others those with most trouble.
constexpr std::size_t most_by_bytes = 10, most_by_trouble = 5;

std::string in_unit(std::uint64_t number, const char *unit) { return human(number, unit_of(unit)); }

using HostStretch = Series<HostPart>::Stretch;
using FlowStretch = Series<FlowPart>::Stretch;

/// The stretches of a series, each as long as what is known of it.
template <typename Part> std::vector<Plot::Stretch> stretches_of(const Series<Part> &series, WallTime end) {
    std::vector<Plot::Stretch> stretches;
    const auto &all = series.stretches();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto known = std::max(series.length(), static_cast<WallTime>(double(all[i].part.seconds) * 1e9));
        const auto next = i + 1 < all.size() ? all[i + 1].begin : end;
        // The next one may begin a little later: no snapshot is on time to the nanosecond.
        const bool follows = next - all[i].begin <= known + known / 2;
        stretches.push_back({all[i].begin, follows ? next : all[i].begin + known});
    }
    return stretches;
}

template <typename Stretches>
Curve curve(std::string name, const Stretches &stretches,
            const std::function<double(const typename Stretches::value_type &)> &value) {
    Curve curve{std::move(name), {}};
    std::transform(stretches.begin(), stretches.end(), std::back_inserter(curve.values), value);
    return curve;
}

class Report {
public:
    Report(const Tally &tally, const ReportOrigin &origin, Sink &sink) : tally_(tally), origin_(origin), html_(sink) {}

    void write() {
        write_head();
        write_summary();
        write_times();
        write_who();
        write_worst();
        write_endings();
        write_missed();
        html_.markup("</main></body></html>\n");
    }

private:
    void write_head() {
        const auto title = tr("TCP connections of {}", origin_.host);
        html_.markup("<!DOCTYPE html>\n<html lang=\"").text(tr("en")).markup("\"><head><meta charset=\"utf-8\">");
        html_.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                     "'unsafe-inline'\">");
        html_.element("title", title)
            .markup("<style>")
            .markup(report_style_text)
            .markup("</style></head><body><main>\n");
        html_.element("h1", title);
    }

    void write_summary() {
        const auto &all = tally_.all();
        html_.element("p",
                      tr("From {} to {} {}, Linux {}.", date_and_time(time_point(tally_.begin())),
                         date_and_time(time_point(tally_.end())), time_zone(time_point(tally_.end())), origin_.kernel) +
                          (origin_.conditions.empty() ? "" : " " + tr("Only where: {}", origin_.conditions)));
        html_.markup("<dl>");
        const auto fact = [&](const std::string &name, const std::string &value) {
            html_.markup("<div>").element("dt", name).element("dd", value).markup("</div>");
        };
        const auto known = [&](bool is_known, const std::string &value) {
            return is_known ? value : tr("not recorded");
        };
        const bool ends = tally_.knows_endings();
        fact(tr("connections"), in_unit(tally_.connections(), ""));
        fact(tr("opened"), in_unit(all.opened, ""));
        fact(tr("failed"), known(ends, in_unit(all.failed, "")));
        fact(tr("reset"), known(ends, in_unit(all.reset, "")));
        fact(tr("timed out"), known(ends, in_unit(all.timed_out, "")));
        fact(tr("sent"), known(tally_.knows(Grown::sent), in_unit(all.grown[Grown::sent], "bytes")));
        fact(tr("received"), known(tally_.knows(Grown::received), in_unit(all.grown[Grown::received], "bytes")));
        fact(tr("sent again"), known(tally_.knows(Grown::retransmits), again_text(all.grown)));
        html_.markup("</dl>\n");
    }

    /// Its heading; and `nothing` where there is nothing to tell. Whether there is something.
    bool begin_part(const std::string &title, bool is_empty, const std::string &nothing) {
        html_.element("h2", title);
        if (is_empty) {
            html_.element("p", nothing);
        }
        return !is_empty;
    }

    static std::string again_text(const Grown &grown) {
        const auto again = grown[Grown::retransmits];
        const auto segments = grown[Grown::segments];
        return in_unit(again, "segments") +
               (segments == 0
                    ? ""
                    : " (" + human(100 * static_cast<double>(again) / static_cast<double>(segments), unit_of("%")) +
                          ")");
    }

    Plot host_plot(const std::string &title, const char *unit) const {
        return {.title = title,
                .unit = unit_of(unit),
                .begin = tally_.begin(),
                .end = tally_.end(),
                .stretches = stretches_of(tally_.series(), tally_.end()),
                .curves = {}};
    }

    void write_times() {
        html_.element("h2", tr("What happened when"));
        const auto &all = tally_.series().stretches();
        const auto per_second = [&](const std::string &name, bool is_known,
                                    const std::function<double(const HostPart &)> &value) {
            return curve(name, all, [&](const HostStretch &one) {
                return is_known && one.part.seconds > 0 ? value(one.part) / one.part.seconds : absent;
            });
        };
        const bool ends = tally_.knows_endings();
        const auto grown_per_second = [&](const std::string &name, Grown::Counter counter) {
            return per_second(name, tally_.knows(counter),
                              [counter](const HostPart &part) { return double(part.grown[counter]); });
        };
        auto throughput = host_plot(tr("Throughput"), "bytes/s");
        throughput.curves = {grown_per_second(tr("sent"), Grown::sent),
                             grown_per_second(tr("received"), Grown::received)};
        write_plot(throughput, html_);

        auto connections = host_plot(tr("Connections per second"), "connections/s");
        connections.curves = {
            per_second(tr("opened"), true, [](const HostPart &part) { return double(part.opened); }),
            per_second(tr("failed"), ends, [](const HostPart &part) { return double(part.failed); }),
            per_second(tr("reset"), ends, [](const HostPart &part) { return double(part.reset); }),
            per_second(tr("timed out"), ends, [](const HostPart &part) { return double(part.timed_out); })};
        write_plot(connections, html_);

        auto retransmits = host_plot(tr("Segments sent again per second"), "segments/s");
        retransmits.curves = {
            grown_per_second(tr("in all"), Grown::retransmits), grown_per_second(tr("fast recovery"), Grown::fast),
            grown_per_second(tr("time-out"), Grown::rto), grown_per_second(tr("tail-loss probe"), Grown::probe),
            grown_per_second("SYN", Grown::syn)};
        write_plot(retransmits, html_);

        auto rtt = host_plot(tr("Round-trip time of connections that were busy"), "us");
        for (const auto &[name, percent] : {std::pair(tr("median"), 50.0), std::pair(std::string("90 %"), 90.0),
                                            std::pair(std::string("99 %"), 99.0)}) {
            rtt.curves.push_back(curve(name, all, [which = percent](const HostStretch &one) {
                return one.part.rtt.percentile(which).value_or(absent);
            }));
        }
        write_plot(rtt, html_);
    }

    void write_who() {
        html_.element("h2", tr("Who"));
        html_.markup("<div class=\"tables\">");
        write_shares(tr("Processes"), tally_.processes());
        write_shares(tr("Peers"), tally_.peers());
        write_shares(tr("Services, by port"), tally_.services());
        html_.markup("</div>\n");
    }

    void write_shares(const std::string &title, const Tally::Shares &shares) {
        std::vector<Tally::Shares::const_pointer> order;
        for (const auto &share : shares) {
            order.push_back(&share);
        }
        const auto sort_from = [&](std::size_t first, const std::function<std::uint64_t(const Share &)> &weight) {
            std::stable_sort(
                order.begin() + static_cast<std::ptrdiff_t>(std::min(first, order.size())), order.end(),
                [&](const auto *one, const auto *other) { return weight(one->second) > weight(other->second); });
        };
        sort_from(0, [](const Share &share) { return share.sent + share.received; });
        sort_from(most_by_bytes, [](const Share &share) { return share.failed + share.reset + share.retransmits; });
        html_.markup("<table>").element("caption", title).markup("<thead><tr>").element("th", "");
        for (const auto &heading :
             {tr("connections"), tr("sent"), tr("received"), tr("sent again"), tr("failed"), tr("reset")}) {
            html_.element("th", heading);
        }
        html_.markup("</tr></thead><tbody>\n");
        const auto shown = std::min(order.size(), most_by_bytes + most_by_trouble);
        for (std::size_t i = 0; i < shown; ++i) {
            const auto &[name, share] = *order[i];
            html_.markup("<tr>").element("th", name.empty() ? tr("not known") : name);
            for (const auto &text :
                 {in_unit(share.connections, ""), in_unit(share.sent, "bytes"), in_unit(share.received, "bytes"),
                  in_unit(share.retransmits, ""), in_unit(share.failed, ""), in_unit(share.reset, "")}) {
                html_.element("td", text);
            }
            html_.markup("</tr>\n");
        }
        html_.markup("</tbody></table>");
        if (shown < order.size()) {
            html_.element("p", tr("and {} more", order.size() - shown));
        }
    }

    void write_worst() {
        const auto none = tally_.knows(Grown::retransmits) && tally_.knows_rtt()
                              ? tr("None sent anything again, and no round trip became long.")
                              : tr("It is not recorded what was sent again, or how long round trips were.");
        if (!begin_part(tr("The worst connections"), tally_.worst().empty(), none)) {
            return;
        }
        html_.element(
            "p", tr("Those that sent most segments again; among equals those that were longest in loss recovery, then "
                    "those whose round trip rose most above its least."));
        for (const auto &one : tally_.worst()) {
            write_connection(one);
        }
    }

    void write_connection(const Troubled &one) {
        html_.markup("<section>").markup("<h3>").text(one.local).markup(" &rarr; ").text(one.remote);
        html_.markup(" <small>").text(one.process).markup("</small></h3>");
        html_.element("p", verdict(one));
        html_.markup("<div class=\"plots\">");
        const auto &all = one.course.series.stretches();
        const Plot empty{.title = {},
                         .unit = {},
                         .begin = one.course.begin,
                         .end = std::max(one.course.end, one.course.begin + 1),
                         .stretches = stretches_of(one.course.series, one.course.end),
                         .curves = {},
                         .is_small = true};
        const auto write = [&](const std::string &title, const char *unit, float FlowPart::*value, bool is_rate) {
            auto plot = empty;
            plot.title = title;
            plot.unit = unit_of(unit);
            plot.curves = {curve(title, all, [&](const FlowStretch &stretch) {
                const double number = stretch.part.*value;
                return is_rate      ? (stretch.part.seconds > 0 ? number / double(stretch.part.seconds) : absent)
                       : number > 0 ? number
                                    : absent;
            })};
            write_plot(plot, html_);
        };
        write(tr("Rate"), "bytes/s", &FlowPart::sent, true);
        write(tr("RTT, the highest"), "us", &FlowPart::rtt_us, false);
        write(tr("cwnd, the lowest"), "segments", &FlowPart::cwnd, false);
        write(tr("Sent again"), "segments/s", &FlowPart::retransmits, true);
        html_.markup("</div></section>\n");
    }

    void write_endings() {
        if (!begin_part(tr("How connections ended"), tally_.endings().empty(), tr("None ended."))) {
            return;
        }
        using Ending = std::map<std::pair<std::string, std::string>, std::uint64_t>::const_pointer;
        std::vector<Ending> order;
        for (const auto &ending : tally_.endings()) {
            order.push_back(&ending);
        }
        std::stable_sort(order.begin(), order.end(),
                         [](Ending one, Ending other) { return one->second > other->second; });
        html_.markup("<table><thead><tr>").element("th", tr("ended")).element("th", tr("error"));
        html_.element("th", tr("connections")).markup("</tr></thead><tbody>\n");
        for (const auto *ending : order) {
            const auto &[ended, error] = ending->first;
            html_.markup("<tr>").element("th", ended.empty() ? tr("not known") : ended).element("td", error);
            html_.element("td", in_unit(ending->second, "")).markup("</tr>\n");
        }
        html_.markup("</tbody></table>\n");
    }

    void write_missed() {
        if (!begin_part(tr("What was missed"), tally_.missed().empty(), tr("Nothing."))) {
            return;
        }
        html_.markup("<table><tbody>\n");
        for (const auto &[name, count] : tally_.missed()) {
            html_.markup("<tr>").element("th", name).element("td", in_unit(count, "")).markup("</tr>\n");
        }
        html_.markup("</tbody></table>\n");
    }

    const Tally &tally_;
    const ReportOrigin &origin_;
    Html html_;
};

} // namespace

void write_report(const Tally &tally, const ReportOrigin &origin, Sink &sink) { Report(tally, origin, sink).write(); }

} // namespace tcp_stats
