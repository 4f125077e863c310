// Times as users write them: when in a recording.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace tcp_stats {

/// Nanoseconds since 1970 of `text`, which was given with `option`, in a recording from `begin` to `end`:
/// - `-2h`, `-90s`, `-1.5d`: so long before its end;
/// - `23:10`, `23:10:05`: the last such time in it, by this host's time zone; where it has none, the nearest one;
/// - `2026-11-30`, `2026-11-30 23:10[:05]`, with a T between and a Z behind as json has it (UTC).
/// Error: usage.
Result<std::int64_t> moment_of(const char *option, const std::string &text, std::int64_t begin, std::int64_t end);

} // namespace tcp_stats
