#include "output/line_writer.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

constexpr ValueText in_line = {is_printable_word, printable_word};

} // namespace

LineWriter::LineWriter(const Layout &layout, const Columns &columns, const RecordReader &reader)
    : grouped_(!layout.group_by.empty()), recorded_(layout.recorded), reader_(reader) {
    for (const auto *column : layout.columns.empty() ? usual_columns(columns) : layout.columns) {
        if (!column->in_line_part) {
            further_.push_back({column, fmt::format(" {}=", printable_word(column->name))});
        }
    }
}

void LineWriter::write_script_part(const Row &row, Sink &sink) const {
    const auto record = row.record();
    const auto &places = reader_.places();
    const auto number = [&](const Place &place) { return RecordReader::number(record, place); };
    const auto rtt_us = number(places.rtt_us);
    const auto srtt = number(places.srtt_us);
    sink.print(FMT_COMPILE("sock={:#x} {} -> {} proto={} pkts={} bytes={} retr={} RTT={}.{:03}ms (srtt_raw={}) "
                           "srtt_ms={}.{:03}ms CWND={} MSS state="),
               row.sock(), reader_.local(record), reader_.remote(record), number(places.proto),
               number(places.pkts_sent), number(places.bytes_sent), number(places.retransmits), rtt_us / 1000,
               rtt_us % 1000, srtt, srtt / 1000, srtt % 1000, number(places.cwnd));
    put_value(sink, Word{Naming::tcp_state, number(places.last_state)}, in_line);
    sink.print(FMT_COMPILE(" last_seen_ns={}"), number(places.last_seen_ns));
}

void LineWriter::begin(Sink &sink) {
    if (!recorded_) {
        sink.put(tr("eBPF loaded. Monitoring TCP flows (by sock pointer). Ctrl-C to exit."));
        sink.put("\n\n");
    }
}

void LineWriter::write(const Snapshot &snapshot, const std::vector<Row> &rows, Sink &sink) {
    const auto refused = snapshot.refused.value_or(0);
    // No group, or no flow, may be the condition's doing.
    const bool nothing = snapshot.rows() == 0 && !grouped_ && refused == 0;
    sink.put(nothing ? tr("[snapshot] no flows observed yet.") : "[snapshot]");
    sink.put('\n');
    for (const auto &row : rows) {
        if (grouped_) {
            sink.put("group");
        } else {
            write_script_part(row, sink);
        }
        put_values(sink, row, further_, in_line);
        sink.put('\n');
    }
    if (refused != 0) {
        sink.put(fmt::format("# refused={}\n", refused));
    }
    if (!snapshot.missed.empty()) {
        sink.put(comment_line(snapshot));
        sink.put('\n');
    }
}

std::string comment_line(const Snapshot &snapshot) {
    std::string text;
    for (const auto &count : snapshot.missed) {
        text += fmt::format("{} {}={}", text.empty() ? "#" : "", count.name, count.value);
    }
    return text;
}

} // namespace tcp_stats
