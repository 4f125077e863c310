// What went wrong on the way, in all flows of a snapshot.
#pragma once

#include <cstdint>

#include "record/record_reader.h"
#include "snapshot/snapshot.h"

namespace tcp_stats {

/// How a connection ended, by its word of Naming::ending.
enum class Outcome : std::uint8_t {
    in_order,  ///< or it has not ended
    failed,    ///< it never came about
    reset,     ///< by one end or the other
    timed_out, ///< the other end did not answer any more
};
Outcome outcome_of(Word ended);

/// Whether a flow that has no record before was opened since the snapshot before, so that all of its counters grew
/// since then. Not in the first snapshot: nobody knows what was before.
bool began_since_the_one_before(const Row &row, const KnownPlaces &places);

struct Trouble {
    std::uint64_t retransmits = 0; ///< segments that were sent again since the snapshot before
    std::uint64_t failures = 0;    ///< connections that failed, were reset or timed out since then

    /// A flow. What the program does not tell counts as nothing.
    void add(const Row &row, const KnownPlaces &places);
};

} // namespace tcp_stats
