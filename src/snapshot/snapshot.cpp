#include "snapshot/snapshot.h"

namespace tcp_stats {

bool is_missing_now(std::string_view name) { return name == "untracked" || name == "unwalked" || name == "incomplete"; }

} // namespace tcp_stats
