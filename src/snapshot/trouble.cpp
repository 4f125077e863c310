#include "snapshot/trouble.h"

namespace tcp_stats {

Outcome outcome_of(Word ended) {
    const auto name = name_of(ended);
    if (name == "unreachable" || name == "refused" || name == "failed_at_once" || name.starts_with("connect_")) {
        return Outcome::failed;
    }
    if (name.starts_with("reset_") || name == "aborted") {
        return Outcome::reset;
    }
    return name.ends_with("_timeout") && name != "fin_wait2_timeout" ? Outcome::timed_out : Outcome::in_order;
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
    const Word ended = {Naming::ending, RecordReader::number(record, places.ended)};
    resets += row.closed() && (outcome_of(ended) == Outcome::reset || name_of(ended) == "refused") ? 1 : 0;
}

} // namespace tcp_stats
