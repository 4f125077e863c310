// Values for people to read: few digits, and the unit with them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "record/units.h"
#include "record/value.h"

namespace tcp_stats {

/// `12.3ms`, `1.2MB/s`, `69%`. Decimal prefixes, three digits or so. Text as the user's terminal shows it
/// (`shown_text`). Empty where there is no value. The result is in `memory`, which it is made with, or where `value`
/// has its text.
std::string_view human(const Value &value, const Unit &unit, std::string &memory);
std::string human(const Value &value, const Unit &unit);

/// So many characters at most has `human` of whole numbers without a unit, of shares up to 100 %, of times up to 1,000
/// days, and of other numbers from 0 to 10^15.
std::size_t most_characters(const Unit &unit);

/// The heading of a column whose values are shown so: `RTT` of rtt_us, `BYTES/S` of bytes_per_s; in groups `RTT P50` of
/// rtt_us_p50.
std::string heading(std::string_view name);

} // namespace tcp_stats
