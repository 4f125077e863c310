#include "app/monitor.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "app/standard_output.h"
#include "base/translate.h"
#include "flow/flow_table_reader.h"
#include "kernel/flow_table.h"
#include "kernel/hooks.h"
#include "kernel/privilege.h"
#include "kernel/program.h"
#include "output/line_writer.h"

namespace tcp_stats {
namespace {

/// Says on standard error when the table had no room for some flows, each time it gets worse.
class MissedEvents {
public:
    void report(const FlowTable &table) {
        const auto events = table.missed_events();
        if (events > reported_) {
            spdlog::warn(tr("flow_stats is full ({} flows): {} events of further flows were not recorded; use "
                            "-D MAX_FLOWS=N for more room",
                            table.description().max_entries, events));
            reported_ = events;
        }
    }

private:
    std::uint64_t reported_ = 0;
};

Result<void> say_farewell(const StopSignals &signals) {
    const auto written = write_text(STDOUT_FILENO, line_farewell(), signals.fd());
    return written ? Result<void>() : tl::unexpected(written.error());
}

Result<void> show_snapshots(const Options &options, const StopSignals &signals, const FlowTable &table,
                            const FlowTableReader &reader) {
    using Clock = std::chrono::steady_clock;
    MissedEvents missed;
    auto text = line_banner();
    auto next = Clock::now();
    for (std::uint64_t number = 1;; ++number) {
        const auto entries = table.read();
        if (!entries) {
            return tl::unexpected(entries.error());
        }
        text += line_snapshot(reader.read(*entries));
        const auto written = write_text(STDOUT_FILENO, text, signals.fd());
        if (!written) {
            return tl::unexpected(written.error());
        }
        if (*written != Written::all) {
            return {};
        }
        missed.report(table);
        if (options.count && number == *options.count) {
            return {};
        }
        // A snapshot that took longer than the interval does not make the next ones hurry.
        next = std::max(next + options.interval, Clock::now());
        if (signals.arrived_before(next)) {
            break;
        }
        text.clear();
    }
    return say_farewell(signals);
}

Result<ProgramText> program_text(const Options &options) {
    return options.source ? ProgramText::read(*options.source) : ProgramText::built_in();
}

} // namespace

Result<void> monitor(const Options &options, const StopSignals &signals) {
    auto text = program_text(options);
    if (!text) {
        return tl::unexpected(text.error());
    }
    if (auto allowed = check_privilege(); !allowed) {
        return allowed;
    }
    const auto mechanism = choose_mechanism(options.attach);
    if (!mechanism) {
        return tl::unexpected(mechanism.error());
    }
    text->definitions = definitions_for(*mechanism);
    text->definitions.insert(text->definitions.end(), options.definitions.begin(), options.definitions.end());
    auto program = Program::compile(*text, options.kernel_types);
    if (!program) {
        return tl::unexpected(program.error());
    }
    const auto table = FlowTable::open(*program);
    if (!table) {
        return tl::unexpected(table.error());
    }
    auto layout = RecordLayout::parse(table->description().leaf_desc, table->description().leaf_size);
    if (!layout) {
        return tl::unexpected(layout.error());
    }
    const auto reader = FlowTableReader::create(std::move(*layout));
    if (!reader) {
        return tl::unexpected(reader.error());
    }
    if (signals.arrived()) { // during the compile
        return say_farewell(signals);
    }
    const auto hooks = Hooks::attach(*program, *mechanism);
    if (!hooks) {
        return tl::unexpected(hooks.error());
    }
    return show_snapshots(options, signals, *table, *reader);
}

} // namespace tcp_stats
