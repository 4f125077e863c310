// --field: expressions of the user's, made members of the program's record.
#pragma once

#include <string>
#include <vector>

#include "base/choices.h"

namespace tcp_stats {

/// The name must be found nowhere else, as that of the header with the kernel's types.
inline constexpr const char *user_fields_header_name = "tcp_stats_monitor_user_fields.h";

/// The header that the program includes where USER_FIELDS_HEADER names it: the list USER_FIELDS(FIELD) of
/// `FIELD(NAME, VALUE)`, and for each the constant `field_NAME_is_signed`. The compiler meets each expression first by
/// itself, on line 1 of a file called `--field NAME`, so that its complaints show the user's own words.
std::string user_fields_header(const std::vector<UserField> &fields);

/// The expression for where `sk` and `tp` may be a copy: each `->` behind another one becomes a read of the kernel's
/// memory, FIELD_READ(POINTER, MEMBER).
std::string with_reads(const std::string &expression);

/// Whether a field of the user's cannot have that name: another has it, in the record or in some output, or C does.
bool is_taken_name(const std::string &name);

} // namespace tcp_stats
