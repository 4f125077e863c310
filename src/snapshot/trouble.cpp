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

bool began_since_the_one_before(const Row &row, const KnownPlaces &places) {
    return row.snapshot->before_time_ns != 0 &&
           RecordReader::number(row.record(), places.opened_ns) > row.snapshot->before_time_ns;
}

void Trouble::add(const Row &row, const KnownPlaces &places) {
    const auto record = row.record();
    const auto now = RecordReader::number(record, places.retransmits);
    if (row.has_before()) {
        const auto before = RecordReader::number(row.before(), places.retransmits);
        retransmits += now > before ? now - before : 0;
    } else if (began_since_the_one_before(row, places)) {
        retransmits += now;
    }
    const Word ended = {Naming::ending, RecordReader::number(record, places.ended)};
    failures += row.closed() && outcome_of(ended) != Outcome::in_order ? 1 : 0;
}

} // namespace tcp_stats
