#include "app/monitor.h"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "app/request.h"
#include "app/standard_output.h"
#include "base/translate.h"
#include "flow/columns.h"
#include "flow/snapshot.h"
#include "flow/view.h"
#include "kernel/cgroup_paths.h"
#include "kernel/collector.h"
#include "kernel/flow_table.h"
#include "kernel/hooks.h"
#include "kernel/kernel_features.h"
#include "kernel/privilege.h"
#include "kernel/program.h"
#include "output/line_writer.h"
#include "output/writer.h"

namespace tcp_stats {
namespace {

Result<void> print(const std::string &text, const StopSignals &signals) {
    const auto written = write_text(STDOUT_FILENO, text, signals.fd());
    return written ? Result<void>() : tl::unexpected(written.error());
}

/// False when a signal arrived before `deadline`.
bool wait_until(std::chrono::steady_clock::time_point deadline, const StopSignals &signals, Collector &collector) {
    for (;;) {
        switch (signals.wait(deadline, collector.closed_fd())) {
        case StopSignals::Woken::by_signal:
            return false;
        case StopSignals::Woken::by_deadline:
            return true;
        case StopSignals::Woken::by_other:
            collector.collect_closed();
            break;
        }
    }
}

/// Where the snapshots come from, and how they are shown.
struct Parts {
    Collector &collector;
    const Hooks &hooks;
    const RecordReader &reader;
    const View &view;
    Writer &writer;
};

Result<void> show_snapshots(const Options &options, const StopSignals &signals, const Parts &parts) {
    auto &[collector, hooks, reader, view, writer] = parts;
    using Clock = std::chrono::steady_clock;
    CgroupPaths cgroups;
    History history(reader, [&](std::uint64_t id) { return cgroups.path(id); });
    auto text = writer.begin();
    auto next = Clock::now();
    bool stopped = false;
    for (std::uint64_t number = 1;; ++number) {
        auto reading = collector.read(hooks);
        if (!reading) {
            return tl::unexpected(reading.error());
        }
        const auto snapshot = history.next(std::move(*reading));
        collector.remove(snapshot.gone);
        if (options.output == OutputFormat::csv && !snapshot.missed.empty()) { // csv has no place for it
            auto counts = comment_line(snapshot);
            counts.pop_back();
            spdlog::warn(tr("missed since the snapshot before: {}", counts));
        }
        text += writer.snapshot({snapshot, flows_in_view(snapshot, view), std::chrono::system_clock::now()});
        const auto written = write_text(STDOUT_FILENO, text, signals.fd());
        if (!written) {
            return tl::unexpected(written.error());
        }
        if (*written != Written::all) {
            return {};
        }
        if (stopped) { // that was for what closed since the snapshot before
            break;
        }
        if (options.count && number == *options.count) {
            return {};
        }
        // A snapshot that took longer than the interval does not make the next ones hurry.
        next = std::max(next + options.interval, Clock::now());
        stopped = !wait_until(next, signals, collector);
        if (stopped && !collector.collect_closed()) {
            break;
        }
        text.clear();
    }
    return print(writer.end(), signals);
}

Result<ProgramText> program_text(const Options &options) {
    return options.source ? ProgramText::read(*options.source) : ProgramText::built_in();
}

/// Everything that is to be defined for the program; the user's own definitions have the last word.
void add_definitions(ProgramText &text, const Options &options, AttachMechanism mechanism) {
    auto &definitions = text.definitions;
    const auto for_mechanism = definitions_for(mechanism);
    definitions.insert(definitions.end(), for_mechanism.begin(), for_mechanism.end());
    const auto features = feature_definitions(text);
    definitions.insert(definitions.end(), features.begin(), features.end());
    const auto words = text.identifiers();
    const auto define = [&](const char *option, const std::string &name, const std::string &definition) {
        if (words.count(name) == 0) {
            spdlog::warn(tr("{} has no effect: {} does not use {}", option, text.name, name));
        }
        definitions.push_back(definition);
    };
    if (options.max_flows) {
        define("--max-flows", "MAX_FLOWS", fmt::format("MAX_FLOWS={}", *options.max_flows));
    }
    if (options.listening) {
        define("--listening", "LISTENING", "LISTENING");
    }
    definitions.insert(definitions.end(), options.definitions.begin(), options.definitions.end());
}

/// What the program can do of the request by itself.
void add_request(ProgramText &text, const Request &request) {
    for (const auto &field : request.unused_fields()) {
        text.definitions.push_back(fmt::format("UNUSED_{}=1", field));
    }
    const auto header = kernel_condition_header(request.conditions());
    if (!header.empty() && !text.add_condition(header)) {
        spdlog::debug(tr("{} does not look at conditions (FLOW_WANTED): they choose from its records", text.name));
    }
}

} // namespace

Result<std::string> explain(const Options &options) {
    const auto text = program_text(options);
    const auto request = Request::create(options);
    if (!text || !request) {
        return tl::unexpected(text ? request.error() : text.error());
    }
    auto parts = request->conditions();
    if (!ProgramText(*text).add_condition("")) {
        for (auto &part : parts) {
            part.reason = part.code.empty() ? part.reason : tr("{} does not look at conditions", text->name);
            part.code.clear();
        }
    }
    return explanation(parts);
}

Result<void> monitor(const Options &options, const StopSignals &signals) {
    auto text = program_text(options);
    if (!text) {
        return tl::unexpected(text.error());
    }
    const auto request = Request::create(options);
    if (!request) {
        return tl::unexpected(request.error());
    }
    if (auto added = text->add(options.fields); !added) {
        return added;
    }
    add_request(*text, *request);
    if (auto allowed = check_privilege(); !allowed) {
        return allowed;
    }
    const auto mechanism = choose_mechanism(options.attach);
    if (!mechanism) {
        return tl::unexpected(mechanism.error());
    }
    auto btf = kernel_btf(); // for both
    add_definitions(*text, options, *mechanism);
    auto program = Program::compile(*text, options.kernel_types);
    btf.reset();
    if (!program) {
        return tl::unexpected(program.error());
    }
    const auto table = FlowTable::open(*program);
    if (!table) {
        return tl::unexpected(table.error());
    }
    spdlog::debug(tr("flow_stats has room for {} records of {} bytes", table->description().max_entries,
                     table->description().leaf_size));
    auto record_layout = RecordLayout::parse(table->description().leaf_desc, table->description().leaf_size);
    if (!record_layout) {
        return tl::unexpected(record_layout.error());
    }
    const auto reader = RecordReader::create(std::move(*record_layout));
    if (!reader) {
        return tl::unexpected(reader.error());
    }
    const FlowColumns columns(*reader, options.fields);
    const auto view = request->view(columns);
    auto layout = request->layout(columns);
    if (!view || !layout) {
        return tl::unexpected(view ? layout.error() : view.error());
    }
    const auto writer = make_writer(options.output, std::move(*layout), columns, *reader);
    if (signals.arrived()) { // during the compile
        return print(writer->end(), signals);
    }
    auto collector = Collector::create(*program, *table, *reader);
    if (!collector) {
        return tl::unexpected(collector.error());
    }
    const auto hooks = Hooks::attach(*program, *mechanism);
    if (!hooks) {
        return tl::unexpected(hooks.error());
    }
    return show_snapshots(options, signals, {*collector, *hooks, *reader, *view, *writer});
}

} // namespace tcp_stats
