// Numbers with units, as users write them.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "record/value.h"

namespace tcp_stats {

/// The number that `text` stands for, in the unit `unit` of the field `name`: 20ms, 1.5MB, 10Mbit, 5%, 3k, 0x1f, or one
/// without a unit. Whole numbers are exact. Error: what is wrong, a sentence.
tl::expected<Value, std::string> quantity_of(const std::string &text, std::string_view name, const std::string &unit);

} // namespace tcp_stats
