#include "loop/journal.h"

#include <cstdlib>

#include <fmt/format.h>
#include <sys/stat.h>

namespace tcp_stats {
namespace {

/// syslog(3).
int priority_of(spdlog::level::level_enum level) {
    switch (level) {
    case spdlog::level::critical:
    case spdlog::level::err:
        return 3;
    case spdlog::level::warn:
        return 4;
    case spdlog::level::info:
        return 6;
    default:
        return 7;
    }
}

} // namespace

bool goes_to_journal(int fd) {
    const char *stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    return stream != nullptr && fstat(fd, &status) == 0 && fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

std::string for_journal(std::string_view text, spdlog::level::level_enum level) {
    const auto priority = fmt::format("<{}>", priority_of(level));
    std::string lines = priority;
    for (const char c : text) {
        lines += c == '\n' ? c + priority : std::string(1, c);
    }
    return lines;
}

void JournalFormatter::format(const spdlog::details::log_msg &message, spdlog::memory_buf_t &line) {
    const auto level = spdlog::level::to_string_view(message.level);
    const auto text = fmt::format("{}: {}", std::string_view(level.data(), level.size()),
                                  std::string_view(message.payload.data(), message.payload.size()));
    const auto lines = for_journal(text, message.level) + '\n';
    line.append(lines.data(), lines.data() + lines.size());
}

std::unique_ptr<spdlog::formatter> JournalFormatter::clone() const { return std::make_unique<JournalFormatter>(); }

} // namespace tcp_stats
