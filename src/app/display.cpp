#include "app/display.h"

#include <utility>

#include "column/columns.h"
#include "live/live_display.h"
#include "loop/pages.h"
#include "output/writer.h"

namespace tcp_stats {

Result<std::unique_ptr<Display>> make_display(const Options &options, const Request &request, const Columns &columns,
                                              const RecordReader &reader, const GroupedFlows *grouped,
                                              const StopSignals &signals) {
    const auto &shown = grouped == nullptr ? columns : grouped->groups.columns();
    auto view = request.view(shown);
    auto layout = request.layout(shown, grouped == nullptr ? "" : grouped->groups.key());
    if (!view || !layout) {
        return tl::unexpected(view ? layout.error() : view.error());
    }
    if (options.output == OutputFormat::live) {
        return std::make_unique<LiveDisplay>(shown,
                                             Model::Settings{std::move(*view), request.conditions(),
                                                             std::move(layout->columns), options.interval,
                                                             has_unicode(), grouped != nullptr},
                                             layout->colour, own_cost());
    }
    return std::make_unique<Pages>(options.output, make_writer(options.output, std::move(*layout), shown, reader),
                                   std::move(*view), options.interval, signals);
}

Result<std::optional<Snapshot>> GroupedSource::next() {
    auto snapshot = source_.next();
    if (snapshot && *snapshot) {
        grouped_.groups.add_to(**snapshot, grouped_.where);
    }
    return snapshot;
}

} // namespace tcp_stats
