#include "app/stop_signals.h"

#include <algorithm>
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

bool StopSignals::arrived() const { return arrived_before(std::chrono::steady_clock::now()); }

bool StopSignals::arrived_before(std::chrono::steady_clock::time_point deadline) const {
    using namespace std::chrono;
    for (;;) {
        const auto left = std::max(deadline - steady_clock::now(), steady_clock::duration::zero());
        const timespec timeout = {duration_cast<seconds>(left).count(),
                                  (duration_cast<nanoseconds>(left) % 1s).count()};
        pollfd signal = {fd_, POLLIN, 0};
        const int ready = ppoll(&signal, 1, &timeout, nullptr);
        if (ready > 0) {
            return true;
        }
        if (ready == 0) {
            return false;
        }
    }
}

} // namespace tcp_stats
