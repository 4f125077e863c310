#include "loop/service_manager.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/descriptor.h"

namespace tcp_stats {
namespace {

using std::chrono::microseconds;

std::string taken(const char *name) {
    const char *value = std::getenv(name);
    std::string text = value == nullptr ? "" : value;
    unsetenv(name);
    return text;
}

} // namespace

ServiceManager ServiceManager::take_from_environment() {
    ServiceManager manager;
    auto address = taken("NOTIFY_SOCKET");
    const auto patience = taken("WATCHDOG_USEC");
    const auto process = taken("WATCHDOG_PID"); // whose patience that is
    const bool is_known = address.starts_with('/') || address.starts_with('@');
    if (!is_known || address.size() > sizeof(sockaddr_un::sun_path)) {
        return manager;
    }
    manager.address_ = std::move(address);
    if (process.empty() || process == std::to_string(getpid())) {
        manager.patience_ = microseconds(std::strtoll(patience.c_str(), nullptr, 10));
    }
    return manager;
}

void ServiceManager::tell(std::string_view words) const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::copy(address_.begin(), address_.end(), std::begin(to.sun_path));
    if (address_.starts_with('@')) { // an abstract address
        to.sun_path[0] = '\0';
    }
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    const Descriptor from(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sendto(from.get(), words.data(), words.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr *>(&to), size);
}

ToldDisplay::ToldDisplay(std::unique_ptr<Display> shown, ServiceManager manager)
    : shown_(std::move(shown)), manager_(std::move(manager)) {}

Result<Viewer> ToldDisplay::show(Snapshot snapshot) {
    const auto flows = snapshot.flows.size();
    auto viewer = shown_->show(std::move(snapshot));
    if (!viewer || *viewer == Viewer::left) {
        return viewer;
    }
    std::string words = "WATCHDOG=1\n";
    if (++snapshots_ == 1) {
        words = "READY=1\n";
        // Long before it takes a long interval for an end.
        const auto least = std::chrono::duration_cast<microseconds>(3 * interval());
        if (manager_.patience() > microseconds::zero() && manager_.patience() < least) {
            words += fmt::format("WATCHDOG_USEC={}\n", least.count());
        }
    }
    manager_.tell(words + fmt::format("STATUS={} flows in the last of {} snapshots", flows, snapshots_));
    return viewer;
}

Result<void> ToldDisplay::end(bool counted) {
    manager_.tell(fmt::format("STOPPING=1\nSTATUS=Ending after {} snapshots", snapshots_));
    return shown_->end(counted);
}

} // namespace tcp_stats
