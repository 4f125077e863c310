#include "snapshot/trouble.h"

namespace tcp_stats {

bool is_reset(Word ended) {
    const auto name = name_of(ended);
    return name.starts_with("reset_") || name == "refused" || name == "aborted";
}

void Trouble::add(const Row &row, const KnownPlaces &places) {
    const auto record = row.record();
    const auto now = RecordReader::number(record, places.retransmits);
    if (row.has_before()) {
        const auto before = RecordReader::number(row.before(), places.retransmits);
        retransmits += now > before ? now - before : 0;
    } else if (RecordReader::number(record, places.opened_ns) > row.snapshot->before_time_ns) {
        retransmits += now; // it began since then
    }
    resets += row.closed() && is_reset({Naming::ending, RecordReader::number(record, places.ended)}) ? 1 : 0;
}

} // namespace tcp_stats
