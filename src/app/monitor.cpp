#include "app/monitor.h"

#include <algorithm>
#include <functional>
#include <memory>

#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "app/display.h"
#include "app/privileges.h"
#include "app/request.h"
#include "base/printable.h"
#include "base/running_kernel.h"
#include "base/translate.h"
#include "column/columns.h"
#include "compile/compiler.h"
#include "compile/program_text.h"
#include "kernel/cgroup_paths.h"
#include "kernel/collector.h"
#include "kernel/flow_table.h"
#include "kernel/hooks.h"
#include "kernel/kernel_features.h"
#include "kernel/privilege.h"
#include "kernel/program.h"
#include "kernel/refusal.h"
#include "live/live_display.h"
#include "loop/progress.h"
#include "loop/service_manager.h"
#include "loop/standard_output.h"
#include "metrics/metrics.h"
#include "metrics/server.h"
#include "output/writer.h"
#include "snapshot/history.h"
#include "store/recording_display.h"

namespace tcp_stats {
namespace {

/// Snapshots of this kernel's connections.
class Connections : public SnapshotSource {
public:
    /// `look`: called with each snapshot; may be empty.
    Connections(Collector &collector, const Hooks &hooks, const RecordReader &reader, CgroupPaths &cgroups,
                std::function<void(const Snapshot &)> look)
        : collector_(collector), hooks_(hooks), cgroup_(reader.places().cgroup), cgroups_(cgroups), history_(reader),
          look_(std::move(look)) {}

    Result<std::optional<Snapshot>> next() override {
        auto reading = collector_.read(hooks_);
        if (!reading) {
            return tl::unexpected(reading.error());
        }
        auto snapshot = history_.next(std::move(*reading));
        snapshot.time = std::chrono::system_clock::now();
        collector_.remove(history_.gone());
        learn_cgroups(snapshot);
        if (look_) {
            look_(snapshot);
        }
        return snapshot;
    }
    int closed_fd() const override { return collector_.closed_fd(); }
    bool collect_closed() override { return collector_.collect_closed(); }

private:
    /// Paths of new flows, which may be asked for when the cgroup has gone.
    void learn_cgroups(const Snapshot &snapshot) {
        for (std::size_t i = 0; cgroup_ && i < snapshot.flows.size(); ++i) {
            const Row row{&snapshot, i};
            if (!row.has_before()) {
                cgroups_.path(RecordReader::number(row.record(), cgroup_));
            }
        }
    }

    Collector &collector_;
    const Hooks &hooks_;
    Place cgroup_;
    CgroupPaths &cgroups_;
    History history_;
    std::function<void(const Snapshot &)> look_;
};

/// Where a signal came before there was anything to show: as if it had come later.
Result<void> end_before_start(const Options &options, const StopSignals &signals) {
    const auto written =
        write_text(STDOUT_FILENO, options.shows ? last_words(options.output) : std::string(), signals.fd());
    return written ? Result<void>() : tl::unexpected(written.error());
}

Result<ProgramText> program_text(const Options &options) {
    return options.source ? ProgramText::read(*options.source) : ProgramText::built_in();
}

/// Everything that is to be defined for the program; the user's own definitions have the last word.
void add_definitions(ProgramText &text, const Options &options, AttachMechanism mechanism) {
    auto &definitions = text.definitions;
    const auto for_mechanism = definitions_for(mechanism);
    definitions.insert(definitions.end(), for_mechanism.begin(), for_mechanism.end());
    const auto features = running_kernel_definitions();
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
    if (options.failed_connects) {
        define("--failed-connects", "FAILED_CONNECTS", "FAILED_CONNECTS");
    }
    definitions.insert(definitions.end(), options.definitions.begin(), options.definitions.end());
}

/// What sets how many flows there is room for; empty: only the text itself.
std::string option_of_flows(const ProgramText &text, const Options &options) {
    const bool defined = std::any_of(options.definitions.begin(), options.definitions.end(),
                                     [](const std::string &one) { return one.starts_with("MAX_FLOWS="); });
    return text.identifiers().count("MAX_FLOWS") == 0 ? "" : defined ? "MAX_FLOWS" : "--max-flows";
}

/// What the program can do of the request by itself.
void add_request(ProgramText &text, const Request &request) {
    // A program of the user's may read any member for its own ends.
    for (const auto &field : text.is_built_in() ? request.unused_fields() : std::vector<std::string>()) {
        text.definitions.push_back(fmt::format("UNUSED_{}=1", field));
    }
    const auto header = kernel_condition_header(request.parts());
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
    if (options.user) {
        if (const auto account = find_account(*options.user); !account) {
            return tl::unexpected(account.error());
        }
    }
    auto parts = request->parts();
    if (!ProgramText(*text).add_condition("")) {
        for (auto &part : parts) {
            part.reason = part.code.empty() ? part.reason : tr("{} does not look at conditions", text->name);
            part.code.clear();
        }
    }
    return explanation(parts) + explanation_of_privileges(*text, *request, options);
}

Result<void> monitor(const Options &options, const StopSignals &signals) {
    auto manager = ServiceManager::take_from_environment(); // before the compiler could inherit that
    auto text = program_text(options);
    if (!text) {
        return tl::unexpected(text.error());
    }
    const auto request = Request::create(options);
    if (!request) {
        return tl::unexpected(request.error());
    }
    if (auto usable = check_output(options); !usable) {
        return usable;
    }
    if (options.metrics) {
        if (auto usable = MetricsServer::check(*options.metrics); !usable) {
            return usable;
        }
    }
    std::optional<Account> account;
    if (options.user) {
        auto found = find_account(*options.user);
        if (!found) {
            return tl::unexpected(found.error());
        }
        account = std::move(*found);
    }
    if (auto added = text->add(options.fields); !added) {
        return added;
    }
    add_request(*text, *request);
    if (auto allowed = check_privilege(); !allowed) {
        return allowed;
    }
    if (auto enough = allow_enough_files(); !enough) {
        return enough;
    }
    if (auto allowed = account ? check_may_become(*account) : Result<void>(); !allowed) {
        return allowed;
    }
    // A program of the user's may do without reading memory.
    if (const auto locked = text->is_built_in() ? refusal_by_lockdown(system_limits()) : std::nullopt) {
        return tl::unexpected(*locked);
    }
    const auto mechanism = choose_mechanism(options.attach);
    if (!mechanism) {
        return tl::unexpected(mechanism.error());
    }
    std::optional<RecordingFile> file;
    std::optional<std::filesystem::path> recording;
    if (options.record) {
        auto opened = open_recording_file(*options.record, account);
        if (!opened) {
            return tl::unexpected(opened.error());
        }
        recording = opened->path();
        file = std::move(*opened);
    }
    add_definitions(*text, options, *mechanism);
    auto compiled = compile(*text, {options.kernel_types, options.use_cache, signals.fd()});
    if (!compiled) {
        return tl::unexpected(compiled.error());
    }
    if (!*compiled) { // a signal came
        return end_before_start(options, signals);
    }
    auto program = Program::create(std::move(**compiled), words_about_refusal, option_of_flows(*text, options));
    if (!program) {
        return tl::unexpected(program.error());
    }
    const auto table = FlowTable::open(*program);
    if (!table) {
        return tl::unexpected(table.error());
    }
    spdlog::debug(tr("flow_stats has room for {} records of {} bytes", table->max_entries(), table->layout().size()));
    const auto reader = RecordReader::create(table->layout());
    if (!reader) {
        return tl::unexpected(reader.error());
    }
    CgroupPaths cgroups;
    const CgroupPath cgroup_path = [&](std::uint64_t id) -> const std::string & { return cgroups.path(id); };
    const Columns columns(*reader, cgroup_path, options.fields);
    auto grouped = request->grouped(columns);
    if (!grouped) {
        return tl::unexpected(grouped.error());
    }
    auto *groups = *grouped ? &**grouped : nullptr;
    std::unique_ptr<Display> display = std::make_unique<NoDisplay>(options.interval);
    if (options.shows) {
        auto shown =
            make_display(options, *request, columns, *reader, groups, signals, {host_name(), running_kernel_release()});
        if (!shown) {
            return tl::unexpected(shown.error());
        }
        display = std::move(*shown);
    }
    std::unique_ptr<Metrics> metrics;
    if (options.metrics) {
        auto where = request->filters(columns);
        if (!where) {
            return tl::unexpected(where.error());
        }
        auto made = Metrics::create({options.metrics_by, options.metrics_series}, columns, *reader, std::move(*where));
        if (!made) {
            return tl::unexpected(made.error());
        }
        metrics = std::move(*made);
    }
    const Recorder *counted = nullptr;
    if (file) {
        auto where = request->filters(columns);
        if (!where) {
            return tl::unexpected(where.error());
        }
        auto recorder =
            Recorder::create(std::move(*file), *reader, cgroup_path,
                             {options.command_line, options.interval, std::move(*where), options.fields, options.keep});
        if (!recorder) {
            return tl::unexpected(recorder.error());
        }
        Progress progress(tr("--record {}: removing the oldest", printable(options.record->string())));
        (*recorder)->keep_no_more([&](double share) {
            progress.show(share);
            return !signals.arrived();
        });
        counted = recorder->get();
        display = std::make_unique<RecordingDisplay>(std::move(*recorder), std::move(display));
    }
    if (manager.listens()) {
        display = std::make_unique<ToldDisplay>(std::move(display), std::move(manager));
    }
    auto collector = Collector::create(*program, *table, *reader);
    if (!collector) {
        return tl::unexpected(collector.error());
    }
    if (options.listening && !collector->walks_sockets()) {
        spdlog::warn(
            tr("--listening has no effect: nothing walks over the sockets, as BPF_ITER(tcp) does where the kernel "
               "has BTF"));
    }
    const auto hooks = Hooks::attach(*program, *mechanism);
    if (!hooks) {
        return tl::unexpected(hooks.error());
    }
    if (auto given_up = keep_what_is_needed(*collector, *hooks, *reader, recording, options.metrics, account);
        !given_up) {
        return given_up;
    }
    malloc_trim(0); // the start took memory that no snapshot needs
    std::unique_ptr<MetricsServer> server;
    std::function<void(const Snapshot &)> look;
    if (metrics) {
        auto started = MetricsServer::start(*options.metrics, *metrics);
        if (!started) {
            return tl::unexpected(started.error());
        }
        server = std::move(*started);
        look = [&](const Snapshot &snapshot) {
            metrics->take(snapshot, {program->runs(), counted == nullptr ? 0 : counted->unrecorded()});
        };
    }
    Connections connections(*collector, *hooks, *reader, cgroups, std::move(look));
    return show(connections, groups, *display, options.count, signals);
}

} // namespace tcp_stats
