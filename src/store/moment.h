// Times as users write them: when in a recording.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace tcp_stats {

/// Nanoseconds since 1970 of `text`, which was given with `option`, in a recording that ends at `end`:
/// - `-2h`, `-90s`, `-1.5d`: so long before its end;
/// - `23:10`, `23:10:05`: the last such time before its end, by this host's time zone; where that is before `least`, a
/// day
///   later;
/// - `2026-11-30`, `2026-11-30 23:10[:05]`, with a T between and a Z behind as json has it (UTC).
/// Error: usage.
Result<std::int64_t> moment_of(const char *option, const std::string &text, std::int64_t end, std::int64_t least);

} // namespace tcp_stats
