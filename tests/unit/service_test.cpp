#include "loop/service_manager.h"

#include <array>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "compile/program_cache.h"
#include "loop/journal.h"
#include "test.h"

using namespace tcp_stats;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

/// The other end of the protocol, written from sd_notify(3).
class Socket {
public:
    explicit Socket(const std::string &address) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        address.copy(std::begin(at.sun_path), address.size());
        const bool is_abstract = address.starts_with('@');
        if (is_abstract) {
            at.sun_path[0] = '\0';
        }
        const auto size = offsetof(sockaddr_un, sun_path) + address.size() + (is_abstract ? 0 : 1);
        REQUIRE(bind(fd_.get(), reinterpret_cast<const sockaddr *>(&at), static_cast<socklen_t>(size)) == 0);
        setenv("NOTIFY_SOCKET", address.c_str(), 1);
    }

    /// Empty where nothing was said.
    std::string heard() const {
        std::array<char, 4096> buffer{};
        const auto size = recv(fd_.get(), buffer.data(), buffer.size(), 0);
        return {buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
    }

private:
    Descriptor fd_;
};

class Screen : public Display {
public:
    Screen(std::chrono::nanoseconds interval, Viewer viewer) : interval_(interval), viewer_(viewer) {}
    Result<Viewer> show(Snapshot /*snapshot*/) override { return viewer_; }
    std::chrono::nanoseconds interval() const override { return interval_; }
    bool is_kept() const override { return true; }

private:
    std::chrono::nanoseconds interval_;
    Viewer viewer_;
};

ToldDisplay told(std::chrono::nanoseconds interval, Viewer viewer = Viewer::stays) {
    return {std::make_unique<Screen>(interval, viewer), ServiceManager::take_from_environment()};
}

Snapshot with_flows(std::size_t number) {
    Snapshot snapshot;
    snapshot.flows.resize(number);
    return snapshot;
}

std::string abstract_address() { return "@tcp_stats_monitor.test." + std::to_string(getpid()); }

} // namespace

TEST_CASE("without a service manager nothing is said") {
    unsetenv("NOTIFY_SOCKET");
    CHECK_FALSE(ServiceManager::take_from_environment().listens());
    setenv("NOTIFY_SOCKET", "vsock:2:1", 1); // another host's, which is not spoken to
    CHECK_FALSE(ServiceManager::take_from_environment().listens());
    setenv("NOTIFY_SOCKET", ("/" + std::string(sizeof(sockaddr_un::sun_path), 'x')).c_str(), 1);
    CHECK_FALSE(ServiceManager::take_from_environment().listens());
}

TEST_CASE("the service manager is told of the first snapshot, of further ones, and of the end") {
    const Socket manager(abstract_address());
    auto display = told(1s);
    REQUIRE(display.show(with_flows(3)));
    CHECK(manager.heard() == "READY=1\nSTATUS=3 flows in the last of 1 snapshots");
    REQUIRE(display.show(with_flows(5)));
    CHECK(manager.heard() == "WATCHDOG=1\nSTATUS=5 flows in the last of 2 snapshots");
    REQUIRE(display.end(false));
    CHECK(manager.heard() == "STOPPING=1\nSTATUS=Ending after 2 snapshots");
}

TEST_CASE("a snapshot that nobody looked at is not told of") {
    const Socket manager(abstract_address());
    auto display = told(1s, Viewer::left);
    REQUIRE(display.show(with_flows(3)));
    CHECK(manager.heard().empty());
}

TEST_CASE("the service manager may listen at a path") {
    std::string directory = (fs::temp_directory_path() / "service_test.XXXXXX").string();
    REQUIRE(mkdtemp(directory.data()) != nullptr);
    {
        const Socket manager(directory + "/notify");
        ServiceManager::take_from_environment().tell("READY=1");
        CHECK(manager.heard() == "READY=1");
    }
    fs::remove_all(directory);
    ServiceManager::take_from_environment().tell("READY=1"); // nobody there
}

TEST_CASE("no child inherits the service manager") {
    const Socket manager(abstract_address());
    setenv("WATCHDOG_USEC", "1000000", 1);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
    CHECK(ServiceManager::take_from_environment().patience() == 1s);
    for (const char *name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
        CHECK(std::getenv(name) == nullptr);
    }
}

TEST_CASE("the watchdog is patient for three intervals") {
    const Socket manager(abstract_address());
    setenv("WATCHDOG_USEC", "120000000", 1);
    SECTION("a long interval") {
        REQUIRE(told(1h).show(with_flows(0)));
        CHECK(manager.heard() == "READY=1\nWATCHDOG_USEC=10800000000\nSTATUS=0 flows in the last of 1 snapshots");
    }
    SECTION("a short one leaves it as it is") {
        REQUIRE(told(1s).show(with_flows(0)));
        CHECK(manager.heard() == "READY=1\nSTATUS=0 flows in the last of 1 snapshots");
    }
    SECTION("it is another process's") {
        setenv("WATCHDOG_PID", "1", 1);
        REQUIRE(told(1h).show(with_flows(0)));
        CHECK(manager.heard() == "READY=1\nSTATUS=0 flows in the last of 1 snapshots");
    }
}

TEST_CASE("the journal is known by its file") {
    const Descriptor file(open("/dev/null", O_WRONLY | O_CLOEXEC));
    struct stat status {};
    REQUIRE(fstat(file.get(), &status) == 0);
    unsetenv("JOURNAL_STREAM");
    CHECK_FALSE(goes_to_journal(file.get()));
    setenv("JOURNAL_STREAM", fmt::format("{}:{}", status.st_dev, status.st_ino).c_str(), 1);
    CHECK(goes_to_journal(file.get()));
    setenv("JOURNAL_STREAM", fmt::format("{}:{}", status.st_dev, status.st_ino + 1).c_str(), 1);
    CHECK_FALSE(goes_to_journal(file.get()));
    unsetenv("JOURNAL_STREAM");
}

TEST_CASE("each line for the journal has its priority") {
    CHECK(for_journal("one", spdlog::level::warn) == "<4>one");
    CHECK(for_journal("one\ntwo", spdlog::level::err) == "<3>one\n<3>two");
    spdlog::memory_buf_t line;
    JournalFormatter().format({"tcp_stats_monitor", spdlog::level::warn, "one\ntwo"}, line);
    CHECK(std::string(line.data(), line.size()) == "<4>warning: one\n<4>two\n");
}

TEST_CASE("a service keeps compiled programs where systemd says") {
    std::string directory = (fs::temp_directory_path() / "service_test.XXXXXX").string();
    REQUIRE(mkdtemp(directory.data()) != nullptr);
    fs::create_directory(directory + "/private");
    fs::create_directory_symlink("private", directory + "/link");
    setenv("CACHE_DIRECTORY", (directory + "/link:/elsewhere").c_str(), 1);
    CHECK(ProgramCache::usual_place() == fs::canonical(directory) / "private");
    unsetenv("CACHE_DIRECTORY");
    fs::remove_all(directory);
}
