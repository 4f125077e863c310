// Log lines that wait until the screen is free.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <spdlog/common.h>

namespace tcp_stats {

/// As long as it lives, the default logger's lines are kept; the destructor hands them to where they went before. One
/// at a time.
class HeldLog {
public:
    HeldLog();
    ~HeldLog();
    HeldLog(const HeldLog &) = delete;
    HeldLog &operator=(const HeldLog &) = delete;

    /// The text of the last warning or error since it was asked before.
    std::optional<std::string> take_last();

    /// Lines that are kept; of more, the first ones.
    static constexpr std::size_t most = 1000;

private:
    class Sink;

    std::shared_ptr<Sink> sink_;
    std::vector<spdlog::sink_ptr> before_;
};

} // namespace tcp_stats
