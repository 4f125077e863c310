// Which members of the program's record somebody asks for.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace tcp_stats {

/// Of the known members, those that none of `asked_for` needs: names as users call them (a rate needs its counter, a
/// limit what it is inferred from). What the program or the monitor needs for itself is never among them.
std::vector<std::string> unused_fields(const std::set<std::string> &asked_for);

} // namespace tcp_stats
