#include "app/display.h"

#include <utility>

#include "base/characters.h"
#include "column/columns.h"
#include "live/live_display.h"
#include "loop/loop.h"
#include "loop/pages.h"
#include "output/writer.h"
#include "report/report_display.h"

namespace tcp_stats {
namespace {

/// Adds groups to the snapshots of another.
class GroupedSource : public SnapshotSource {
public:
    GroupedSource(SnapshotSource &source, GroupedFlows &grouped) : source_(source), grouped_(grouped) {}

    Result<std::optional<Snapshot>> next() override {
        auto snapshot = source_.next();
        if (snapshot && *snapshot) {
            grouped_.groups.add_to(**snapshot, grouped_.where);
        }
        return snapshot;
    }
    std::chrono::nanoseconds wait(std::chrono::nanoseconds interval) const override { return source_.wait(interval); }
    int closed_fd() const override { return source_.closed_fd(); }
    bool collect_closed() override { return source_.collect_closed(); }

private:
    SnapshotSource &source_;
    GroupedFlows &grouped_;
};

} // namespace

Result<void> check_output(const Options &options) {
    return options.output == OutputFormat::live     ? check_terminal()
           : options.output == OutputFormat::report ? check_report_output()
                                                    : Result<void>();
}

Result<std::unique_ptr<Display>> make_display(const Options &options, const Request &request, const Columns &columns,
                                              const RecordReader &reader, const GroupedFlows *grouped,
                                              const StopSignals &signals, const Shown &of) {
    if (options.output == OutputFormat::report) {
        auto where = request.filters(columns);
        if (!where) {
            return tl::unexpected(where.error());
        }
        return std::make_unique<ReportDisplay>(Tally(columns, reader, std::move(*where)),
                                               ReportOrigin{of.host, of.kernel, request.conditions()}, options.interval,
                                               signals);
    }
    const auto &shown = grouped == nullptr ? columns : grouped->groups.columns();
    auto view = request.view(shown);
    auto layout = request.layout(shown, grouped == nullptr ? "" : grouped->groups.key());
    if (!view || !layout) {
        return tl::unexpected(view ? layout.error() : view.error());
    }
    layout->recorded = of.recorded;
    if (options.output == OutputFormat::live) {
        return std::make_unique<LiveDisplay>(shown,
                                             Model::Settings{std::move(*view), request.conditions(),
                                                             std::move(layout->columns), options.interval,
                                                             is_utf8_locale(), grouped != nullptr, of.playback},
                                             layout->colour, own_cost());
    }
    return std::make_unique<Pages>(options.output, make_writer(options.output, std::move(*layout), shown, reader),
                                   std::move(*view), options.interval, of.recorded ? "" : last_words(options.output),
                                   signals);
}

Result<void> show(SnapshotSource &source, GroupedFlows *grouped, Display &display, std::optional<std::uint64_t> count,
                  const StopSignals &signals) {
    if (grouped == nullptr) {
        return show_snapshots(source, display, count, signals);
    }
    GroupedSource with_groups(source, *grouped);
    return show_snapshots(with_groups, display, count, signals);
}

} // namespace tcp_stats
