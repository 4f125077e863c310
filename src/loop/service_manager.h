// systemd, where it runs this process as a service: what it wants to be told, sd_notify(3).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loop/display.h"

namespace tcp_stats {

class ServiceManager {
public:
    /// Takes out of the environment what systemd said there, so that no child has it.
    static ServiceManager take_from_environment();

    /// Whether it wants to be told anything.
    bool listens() const { return !address_.empty(); }

    /// The time after which it ends a service that says nothing; zero: it waits for ever.
    std::chrono::microseconds patience() const { return patience_; }

    /// `words` are lines NAME=VALUE. If they do not reach it, systemd does with the service what it does with a silent
    /// one.
    void tell(std::string_view words) const;

private:
    std::string address_;
    std::chrono::microseconds patience_{};
};

/// Shows what another display shows, and tells the service manager: that the first snapshot was shown, that there are
/// more, that it is the end.
class ToldDisplay : public Display {
public:
    ToldDisplay(std::unique_ptr<Display> shown, ServiceManager manager);

    Result<Viewer> show(Snapshot snapshot) override;
    std::chrono::nanoseconds interval() const override { return shown_->interval(); }
    std::vector<int> inputs() const override { return shown_->inputs(); }
    Result<Viewer> respond() override { return shown_->respond(); }
    bool is_kept() const override { return shown_->is_kept(); }
    Result<void> end(bool counted) override;

private:
    std::unique_ptr<Display> shown_;
    ServiceManager manager_;
    std::uint64_t snapshots_ = 0;
};

} // namespace tcp_stats
