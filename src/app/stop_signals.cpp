#include "app/stop_signals.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

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

bool StopSignals::arrived() const { return wait(std::chrono::steady_clock::now(), -1) == Woken::by_signal; }

StopSignals::Woken StopSignals::wait(std::chrono::steady_clock::time_point deadline, int other_fd) const {
    using namespace std::chrono;
    for (;;) {
        const auto left = std::max(deadline - steady_clock::now(), steady_clock::duration::zero());
        const timespec timeout = {duration_cast<seconds>(left).count(),
                                  (duration_cast<nanoseconds>(left) % 1s).count()};
        std::array<pollfd, 2> ready = {pollfd{fd_, POLLIN, 0}, pollfd{other_fd, POLLIN, 0}};
        const int count = ppoll(ready.data(), ready.size(), &timeout, nullptr);
        if (count > 0) {
            return ready[0].revents != 0 ? Woken::by_signal : Woken::by_other;
        }
        if (count == 0) {
            return Woken::by_deadline;
        }
    }
}

} // namespace tcp_stats
