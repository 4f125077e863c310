// Serves metrics over HTTP.
#pragma once

#include <memory>

#include "base/error.h"
#include "base/listen_address.h"
#include "metrics/metrics.h"

namespace tcp_stats {

/// Its threads end with it, take no signals and have no capabilities.
class MetricsServer {
public:
    /// Whether it can serve there. Errors: those of `check_listen_address`; usage, for IPv6 where civetweb has none.
    static Result<void> check(const ListenAddress &address);

    /// `metrics` must outlive it. Error: busy, where it cannot listen or start threads now.
    static Result<std::unique_ptr<MetricsServer>> start(const ListenAddress &address, Metrics &metrics);

    virtual ~MetricsServer() = default;
};

} // namespace tcp_stats
