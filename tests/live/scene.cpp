// scene FLOWS SNAPSHOTS [OPTION…]: the live view of flows that go a known way (scene.h), for tests of its screens.
// After so many snapshots time stands still. Options: --count N, as the monitor's; --warn-at N, --fail-at N: a warning
// or an error with that snapshot.
#include <cstdio>
#include <map>
#include <string>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/characters.h"
#include "base/printable.h"
#include "base/translate.h"
#include "live/live_display.h"
#include "loop/loop.h"
#include "output/colour.h"
#include "scene.h"

namespace {

using namespace tcp_stats;

/// A scene in which something goes wrong.
class Mishaps : public SnapshotSource {
public:
    Mishaps(Scene scene, std::uint64_t warn_at, std::uint64_t fail_at)
        : scene_(std::move(scene)), warn_at_(warn_at), fail_at_(fail_at) {}

    Result<std::optional<Snapshot>> next() override {
        ++number_;
        if (number_ == warn_at_) {
            spdlog::warn("a warning with \x1b[31m in it");
        }
        if (number_ == fail_at_) {
            return fail(ErrorKind::kernel_unsupported, "the scene failed, as it should");
        }
        return scene_.next();
    }

private:
    Scene scene_;
    std::uint64_t warn_at_, fail_at_;
    std::uint64_t number_ = 0;
};

Result<void> run(int argc, char **argv) {
    std::map<std::string, std::uint64_t> numbers = {{"--warn-at", 0}, {"--fail-at", 0}, {"--count", 0}};
    for (int i = 3; i + 1 < argc; i += 2) {
        numbers.at(argv[i]) = std::stoull(argv[i + 1]);
    }
    if (auto usable = check_terminal(); !usable) {
        return usable;
    }
    const StopSignals signals;
    const auto columns = Scene::columns();
    View view;
    view.order = {columns.find("bytes_per_s"), true};
    LiveDisplay display(columns, {std::move(view), "", {}, std::chrono::milliseconds(100), is_utf8_locale()},
                        colour_is_welcome(), [] {
                            return Cost{1.25, 45'600'000};
                        });
    Mishaps source(Scene(std::stoull(argv[1]), std::stoull(argv[2])), numbers["--warn-at"], numbers["--fail-at"]);
    const auto count = numbers["--count"] == 0 ? std::nullopt : std::optional(numbers["--count"]);
    return show_snapshots(source, display, count, signals);
}

} // namespace

int main(int argc, char **argv) {
    start_translation();
    spdlog::set_default_logger(spdlog::stderr_logger_st("scene"));
    spdlog::set_pattern("%n: %l: %v");
    if (argc < 3) {
        std::fputs("usage: scene FLOWS SNAPSHOTS [OPTION…]\n", stderr);
        return exit_status(ErrorKind::usage);
    }
    const auto result = run(argc, argv);
    if (!result) {
        spdlog::error(printable(result.error().message));
    }
    return result ? 0 : exit_status(result.error().kind);
}
