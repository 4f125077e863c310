#include "output/colour.h"

#include <cstdlib>

namespace tcp_stats {

bool colour_is_welcome() {
    const char *no_colour = std::getenv("NO_COLOR");
    return no_colour == nullptr || *no_colour == '\0';
}

} // namespace tcp_stats
