// Values for people to read: few digits, and the unit with them.
#pragma once

#include <string>
#include <string_view>

#include "record/units.h"
#include "record/value.h"

namespace tcp_stats {

/// Appends `12.3ms`, `1.2MB/s`, `69%`. Decimal prefixes, three digits or so. Text as printable ASCII. Nothing where
/// there is no value.
void append_human(std::string &text, const Value &value, const Unit &unit);

std::string human(const Value &value, const Unit &unit);

/// The heading of a column whose values are shown so: `RTT` of rtt_us, `BYTES/S` of bytes_per_s; in groups `RTT P50` of
/// rtt_us_p50.
std::string heading(std::string_view name);

} // namespace tcp_stats
