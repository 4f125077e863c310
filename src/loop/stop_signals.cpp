#include "loop/stop_signals.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace tcp_stats {

StopSignals::StopSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    struct sigaction hangup {};
    if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
        sigaddset(&signals, SIGHUP);
    }
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
    if (fd_ < 0) {
        throw std::system_error(errno, std::generic_category(), "signalfd");
    }
}

StopSignals::~StopSignals() { close(fd_); }

bool StopSignals::arrived() const { return wait(std::chrono::steady_clock::now(), {}).by == By::signal; }

void StopSignals::forget() const {
    while (arrived()) {
        signalfd_siginfo signal{};
        [[maybe_unused]] const auto size = read(fd_, &signal, sizeof(signal));
    }
}

StopSignals::Woken StopSignals::wait(std::chrono::steady_clock::time_point deadline,
                                     std::span<const int> descriptors) const {
    using namespace std::chrono;
    std::vector<pollfd> ready = {{fd_, POLLIN, 0}};
    for (const int descriptor : descriptors) {
        ready.push_back({descriptor, POLLIN, 0});
    }
    for (;;) {
        const auto left = std::max(deadline - steady_clock::now(), steady_clock::duration::zero());
        const timespec timeout = {duration_cast<seconds>(left).count(),
                                  (duration_cast<nanoseconds>(left) % 1s).count()};
        const int count = ppoll(ready.data(), ready.size(), &timeout, nullptr);
        if (count == 0) {
            return {By::deadline, 0};
        }
        if (count > 0) {
            const auto first =
                std::find_if(ready.begin(), ready.end(), [](const pollfd &one) { return one.revents != 0; });
            const auto place = static_cast<std::size_t>(first - ready.begin());
            return place == 0 ? Woken{By::signal, 0} : Woken{By::descriptor, place - 1};
        }
    }
}

} // namespace tcp_stats
