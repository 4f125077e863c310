// The system's journal as the place where messages go.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <spdlog/formatter.h>

namespace tcp_stats {

/// Whether what is written to `fd` goes to the journal; systemd.exec(5), $JOURNAL_STREAM.
bool goes_to_journal(int fd);

/// Each line of `text` behind its priority, sd-daemon(3).
std::string for_journal(std::string_view text, spdlog::level::level_enum level);

/// `level: message`. The journal adds the time, and whose message it is.
class JournalFormatter : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg &message, spdlog::memory_buf_t &line) override;
    std::unique_ptr<spdlog::formatter> clone() const override;
};

} // namespace tcp_stats
