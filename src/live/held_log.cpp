#include "live/held_log.h"

#include <utility>

#include <spdlog/details/log_msg_buffer.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "base/translate.h"

namespace tcp_stats {

class HeldLog::Sink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    std::optional<std::string> take_last() { return std::exchange(last_, std::nullopt); }

    void hand_to(const std::vector<spdlog::sink_ptr> &sinks) const {
        for (const auto &message : kept_) {
            for (const auto &one : sinks) {
                if (one->should_log(message.level)) {
                    one->log(message);
                }
            }
        }
    }
    std::size_t dropped() const { return dropped_; }

protected:
    void sink_it_(const spdlog::details::log_msg &message) override {
        if (message.level >= spdlog::level::warn) {
            last_ = std::string(message.payload.data(), message.payload.size());
        }
        if (kept_.size() < most) {
            kept_.emplace_back(message);
        } else {
            ++dropped_;
        }
    }
    void flush_() override {}

private:
    std::vector<spdlog::details::log_msg_buffer> kept_;
    std::size_t dropped_ = 0;
    std::optional<std::string> last_;
};

HeldLog::HeldLog() : sink_(std::make_shared<Sink>()) {
    before_ = std::exchange(spdlog::default_logger()->sinks(), {sink_});
}

HeldLog::~HeldLog() {
    spdlog::default_logger()->sinks() = before_;
    sink_->hand_to(before_);
    if (sink_->dropped() > 0) {
        spdlog::warn(tr("{} more messages came while the screen was on", sink_->dropped()));
    }
}

std::optional<std::string> HeldLog::take_last() { return sink_->take_last(); }

} // namespace tcp_stats
