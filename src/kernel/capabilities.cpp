#include "kernel/capabilities.h"

#include <cap-ng.h>

namespace tcp_stats {
namespace {

bool has(capng_type_t set, unsigned capability) {
    return capng_get_caps_process() == 0 && capng_have_capability(set, capability) == 1;
}

} // namespace

bool is_permitted(unsigned capability) { return has(CAPNG_PERMITTED, capability); }

bool is_in_effect(unsigned capability) { return has(CAPNG_EFFECTIVE, capability); }

bool put_into_effect(const std::function<bool(unsigned)> &wanted) {
    if (capng_get_caps_process() != 0) {
        return false;
    }
    for (unsigned one = 0; one <= CAP_LAST_CAP; ++one) {
        const bool is_wanted = wanted(one) && capng_have_capability(CAPNG_PERMITTED, one) == 1;
        capng_update(is_wanted ? CAPNG_ADD : CAPNG_DROP, CAPNG_EFFECTIVE, one);
    }
    return capng_apply(CAPNG_SELECT_CAPS) == 0;
}

} // namespace tcp_stats
