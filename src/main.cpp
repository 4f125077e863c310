// Parse, wire up, exit status.
#include <cstdio>
#include <exception>
#include <memory>

#include <fcntl.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "app/monitor.h"
#include "app/replay.h"
#include "base/printable.h"
#include "base/translate.h"
#include "cli/options.h"
#include "compile/compiler.h"
#include "compile/program_text.h"
#include "loop/journal.h"
#include "loop/standard_output.h"
#include "loop/stop_signals.h"
#include "version.h"

namespace {

using namespace tcp_stats;

void start_log() {
    auto log = spdlog::stderr_logger_st("tcp_stats_monitor");
    if (goes_to_journal(STDERR_FILENO)) {
        log->set_formatter(std::make_unique<JournalFormatter>());
    } else {
        log->set_pattern("%n: %l: %v");
    }
    spdlog::set_default_logger(log);
}

/// A standard descriptor that was closed would be given to the next file opened. /dev/null for reading
/// takes its place: writing there is an error, as it was.
void occupy_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (fcntl(fd, F_GETFD) < 0) {
            open("/dev/null", O_RDONLY);
        }
    }
}

Result<void> print(const std::string &text, const StopSignals &signals) {
    const auto written = write_text(STDOUT_FILENO, text, signals.fd());
    return written ? Result<void>() : tl::unexpected(written.error());
}

Result<void> run(int argc, char **argv) {
    const auto options = parse_options(argc, argv);
    if (!options) {
        return tl::unexpected(options.error());
    }
    if (options->verbose) {
        spdlog::set_level(spdlog::level::debug);
    }
    const StopSignals signals;
    switch (options->action) {
    case Action::print_help:
        return print(help_text(), signals);
    case Action::print_version: {
        // Which compiler is installed, it says itself.
        const auto versions = compiler_versions();
        return print(fmt::format("tcp_stats_monitor {}\n{}", program_version,
                                 versions ? *versions : versions.error().message + "\n"),
                     signals);
    }
    case Action::print_source:
        return print(ProgramText::built_in().text, signals);
    case Action::list_fields:
        return print(field_list(), signals);
    case Action::explain: {
        const auto text = explain(*options);
        return text ? print(*text, signals) : tl::unexpected(text.error());
    }
    case Action::monitor:
        break;
    }
    return options->replay ? replay(*options, signals) : monitor(*options, signals);
}

} // namespace

int main(int argc, char **argv) {
    occupy_standard_descriptors();
    start_translation();
    start_log();
    try {
        const auto result = run(argc, argv);
        if (result) {
            return 0;
        }
        const auto &error = result.error();
        spdlog::error(printable(error.message));
        if (!error.details.empty()) {
            const bool journal = goes_to_journal(STDERR_FILENO);
            const auto details = journal ? for_journal(error.details, spdlog::level::err) : error.details;
            std::fprintf(stderr, "%s\n", details.c_str());
        }
        return exit_status(error.kind);
    } catch (const std::exception &exception) {
        spdlog::error(tr("defect: {}; please report it", exception.what()));
        return exit_status(ErrorKind::defect);
    }
}
