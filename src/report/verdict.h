// What was the matter with a connection, in a sentence or two.
#pragma once

#include <string>

#include "report/tally.h"

namespace tcp_stats {

std::string verdict(const Troubled &connection);

} // namespace tcp_stats
