#include "output/line_writer.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

/// ` name=value`, or nothing where there is no value.
class PutInLine {
public:
    PutInLine(Sink &sink, std::string_view name) : sink_(sink), name_(name) {}

    void operator()(std::monostate /*absent*/) const {}
    void operator()(std::uint64_t value) const { named().put(value); }
    void operator()(std::int64_t value) const { named().put(value); }
    void operator()(double value) const { named().put_decimal(value); }
    void operator()(std::string_view value) const {
        is_printable_word(value) ? named().put(value) : named().put(printable_word(value));
    }
    void operator()(const Word &word) const {
        const auto name = name_of(word);
        name.empty() ? named().put(word.number) : named().put(name);
    }
    void operator()(const RawBytes &value) const { named().put_hex(value); }
    template <typename End> void operator()(const End &value) const { named().put_end(value); }

private:
    Sink &named() const {
        sink_.put(name_);
        return sink_;
    }

    Sink &sink_;
    std::string_view name_;
};

} // namespace

LineWriter::LineWriter(const Layout &layout, const Columns &columns, const RecordReader &reader)
    : grouped_(!layout.group_by.empty()), reader_(reader) {
    for (const auto *column : layout.columns.empty() ? usual_columns(columns) : layout.columns) {
        if (!column->in_line_part) {
            further_.push_back({column, fmt::format(" {}=", printable_word(column->name))});
        }
    }
}

void LineWriter::write_script_part(const Row &row, Sink &sink) const {
    const auto record = row.record();
    const auto &places = reader_.places();
    const auto number = [&](std::string_view name, const Place &place) {
        sink.put(name);
        sink.put(RecordReader::number(record, place));
    };
    const auto milliseconds = [&](std::string_view name, const Place &place) {
        sink.put(name);
        sink.put_thousandths(RecordReader::number(record, place));
    };
    sink.put("sock=");
    sink.put_pointer(row.sock());
    sink.put(' ');
    sink.put_end(reader_.local(record));
    sink.put(" -> ");
    sink.put_end(reader_.remote(record));
    number(" proto=", places.proto);
    number(" pkts=", places.pkts_sent);
    number(" bytes=", places.bytes_sent);
    number(" retr=", places.retransmits);
    milliseconds(" RTT=", places.rtt_us);
    number("ms (srtt_raw=", places.srtt_us);
    milliseconds(") srtt_ms=", places.srtt_us);
    number("ms CWND=", places.cwnd);
    PutInLine(sink, " MSS state=")(Word{Naming::tcp_state, RecordReader::number(record, places.last_state)});
    number(" last_seen_ns=", places.last_seen_ns);
}

void LineWriter::begin(Sink &sink) {
    sink.put(tr("eBPF loaded. Monitoring TCP flows (by sock pointer). Ctrl-C to exit."));
    sink.put("\n\n");
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
        RowValues values(row);
        for (const auto &[column, name] : further_) {
            std::visit(PutInLine(sink, name), values[*column]);
        }
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
