// Whether the user wants colours.
#pragma once

namespace tcp_stats {

/// Not where NO_COLOR is set, to anything: https://no-color.org.
bool colour_is_welcome();

} // namespace tcp_stats
