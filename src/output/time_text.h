// Times of day for output.
#pragma once

#include <chrono>
#include <string>

namespace tcp_stats {

/// RFC 3339 in UTC with milliseconds: `2026-01-31T23:59:59.999Z`.
std::string utc(std::chrono::system_clock::time_point time);

/// `23:59:59`, as the host's time zone has it.
std::string time_of_day(std::chrono::system_clock::time_point time);

/// The same with its date: `2026-01-31 23:59:59`.
std::string date_and_time(std::chrono::system_clock::time_point time);

/// The host's time zone then: `UTC`.
std::string time_zone(std::chrono::system_clock::time_point time);

/// `01-31 23:59`, for a long axis.
std::string day_and_minute(std::chrono::system_clock::time_point time);

} // namespace tcp_stats
