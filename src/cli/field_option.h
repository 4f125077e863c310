// --field NAME[UNIT]=EXPRESSION.
#pragma once

#include <string>
#include <vector>

#include "base/choices.h"
#include "base/error.h"

namespace tcp_stats {

/// Letters of ASCII, digits and underscores, and no digit first.
bool is_c_name(const std::string &name);

/// Of each time that the option was given, in order. An expression reads: what assigns, calls for a string or cannot be
/// of one is refused here; the rest the compiler judges. Error: usage, with a caret.
Result<std::vector<UserField>> parse_fields(const std::vector<std::string> &texts);

} // namespace tcp_stats
