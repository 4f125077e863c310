// What went wrong on the way, in all flows of a snapshot.
#pragma once

#include <cstdint>

#include "record/record_reader.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

/// Whether a connection that ended so was reset, by one end or the other.
bool is_reset(Word ended);

struct Trouble {
    std::uint64_t retransmits = 0; ///< segments that were sent again since the snapshot before
    std::uint64_t resets = 0;      ///< connections that a reset ended since then

    /// A flow. What the program does not tell counts as nothing.
    void add(const Row &row, const KnownPlaces &places);
};

} // namespace tcp_stats
