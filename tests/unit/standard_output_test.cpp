#include "loop/standard_output.h"

#include <array>
#include <csignal>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "loop/progress.h"
#include "loop/stop_signals.h"
#include "test.h"

using namespace tcp_stats;

namespace {

struct Pipe {
    Pipe() { REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0); }
    ~Pipe() {
        close(ends[0]);
        close(ends[1]);
    }
    std::array<int, 2> ends{};
};

} // namespace

TEST_CASE("all of a long text reaches a slow reader") {
    Pipe never_stopped;
    Pipe output;
    const std::string text(1'000'003, 'x');
    std::string received;
    std::thread reader([&] {
        std::array<char, 1000> buffer{};
        while (received.size() < text.size()) {
            const auto count = read(output.ends[0], buffer.data(), buffer.size());
            received.append(buffer.data(), static_cast<std::size_t>(count));
        }
    });
    const auto written = write_text(output.ends[1], text, never_stopped.ends[0]);
    reader.join();
    REQUIRE(written.has_value());
    CHECK(*written == Written::all);
    CHECK(received == text);
}

TEST_CASE("a reader that left is no error") {
    Pipe never_stopped;
    Pipe output;
    close(output.ends[0]);
    const auto written = write_text(output.ends[1], "text", never_stopped.ends[0]);
    output.ends[0] = -1;
    REQUIRE(written.has_value());
    CHECK(*written == Written::reader_gone);
}

TEST_CASE("a stop signal ends the wait for a reader that takes nothing") {
    Pipe stop;
    Pipe output;
    REQUIRE(write(stop.ends[1], "!", 1) == 1);
    const auto written = write_text(output.ends[1], std::string(1'000'000, 'x'), stop.ends[0]);
    REQUIRE(written.has_value());
    CHECK(*written == Written::interrupted);
}

TEST_CASE("a full disk and a closed descriptor are errors of the output") {
    Pipe never_stopped;
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    const auto to_full = write_text(full, "text", never_stopped.ends[0]);
    close(full);
    REQUIRE_FALSE(to_full.has_value());
    CHECK(to_full.error().kind == ErrorKind::output_failed);
    CHECK(to_full.error().message ==
          "cannot write to standard output: No space left on device; make room, or write elsewhere");
    CHECK_FALSE(write_text(full, "text", never_stopped.ends[0]).has_value());
}

TEST_CASE("a wait ends by its deadline, a descriptor, or before all a signal, which does not end the process") {
    using By = StopSignals::By;
    const StopSignals signals;
    CHECK_FALSE(signals.arrived());
    Pipe quiet;
    Pipe busy;
    const std::array descriptors = {-1, quiet.ends[0], busy.ends[0]};
    const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
    const auto in_an_hour = soon + std::chrono::hours(1);
    CHECK(signals.wait(soon, descriptors).by == By::deadline);
    REQUIRE(write(busy.ends[1], "x", 1) == 1);
    auto woken = signals.wait(in_an_hour, descriptors);
    CHECK(woken.by == By::descriptor);
    CHECK(woken.which == 2);
    REQUIRE(write(quiet.ends[1], "x", 1) == 1);
    CHECK(signals.wait(in_an_hour, descriptors).which == 1);
    std::thread sender([] { kill(getpid(), SIGTERM); });
    CHECK(signals.wait(in_an_hour, {}).by == By::signal);
    sender.join();
    CHECK(signals.wait(in_an_hour, descriptors).by == By::signal);
    CHECK(signals.arrived());
}

TEST_CASE("a progress bar fits into its line, and tells what is left") {
    using std::chrono::seconds;
    CHECK(progress_text("--replay r.db", 0, seconds(3), 80) == "--replay r.db  [------------------------------]   0%");
    CHECK(progress_text("--replay r.db", 0.25, seconds(20), 80) ==
          "--replay r.db  [#######-----------------------]  25% 60s left");
    CHECK(progress_text("--replay r.db", 1.5, seconds(20), 50) == "[##############################] 100% 1s left");
    CHECK(progress_text("--replay r.db", 0.5, seconds(20), 10) == "[########");
    CHECK(progress_text("", 0.5, seconds(20), 0).empty());
}
