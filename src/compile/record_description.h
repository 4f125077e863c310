// BCC's description of a table's value, leaf_desc, read. Knows nothing of BCC.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"
#include "record/record_layout.h"

namespace tcp_stats {

/// `leaf_desc` is the JSON that BCC's json_map_decl_visitor.cc makes of the value's type, `leaf_size` the size of that
/// type in bytes. Error: program_rejected, when the description cannot be read, does not add up to `leaf_size`, or
/// holds a bit-field.
Result<RecordLayout> parse_record_description(std::string_view leaf_desc, std::size_t leaf_size);

} // namespace tcp_stats
