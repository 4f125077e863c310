#include "output/line_writer.h"

#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

constexpr ValueText in_line = {is_printable_word, printable_word};

/// Writes to memory that has room for all of it.
struct ScriptPart {
    Record record;
    char *text;

    template <std::size_t size> void word(const char (&name)[size]) {
        std::memcpy(text, name, size - 1);
        text += size - 1;
    }

    template <std::size_t size> void number(const char (&name)[size], const Place &place) {
        word(name);
        put(RecordReader::number(record, place));
    }

    /// Of microseconds, with three decimals.
    template <std::size_t size> void milliseconds(const char (&name)[size], const Place &place) {
        word(name);
        const auto us = RecordReader::number(record, place);
        put(us / 1000);
        *text++ = '.';
        for (const unsigned decimal : {100U, 10U, 1U}) {
            *text++ = static_cast<char>('0' + us / decimal % 10);
        }
    }

private:
    void put(std::uint64_t number) { text = std::to_chars(text, text + 20, number).ptr; }
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
    constexpr std::size_t longest = 1024; // two ends, fourteen numbers, the words between
    ScriptPart part{record, sink.room_for(longest)};
    part.word("sock=0x");
    part.text = std::to_chars(part.text, part.text + 16, row.sock(), 16).ptr;
    part.word(" ");
    part.text = to_chars(part.text, reader_.local(record));
    part.word(" -> ");
    part.text = to_chars(part.text, reader_.remote(record));
    part.number(" proto=", places.proto);
    part.number(" pkts=", places.pkts_sent);
    part.number(" bytes=", places.bytes_sent);
    part.number(" retr=", places.retransmits);
    part.milliseconds(" RTT=", places.rtt_us);
    part.number("ms (srtt_raw=", places.srtt_us);
    part.milliseconds(") srtt_ms=", places.srtt_us);
    part.number("ms CWND=", places.cwnd);
    sink.taken(part.text);
    sink.put(" MSS state=");
    put_value(sink, Word{Naming::tcp_state, RecordReader::number(record, places.last_state)}, in_line);
    sink.put(" last_seen_ns=");
    sink.put(RecordReader::number(record, places.last_seen_ns));
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
