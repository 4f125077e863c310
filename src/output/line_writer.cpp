#include "output/line_writer.h"

#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "base/translate.h"
#include "output/decimal.h"

namespace tcp_stats {
namespace {

/// `thousandths` as a decimal with three places.
std::string with_three_places(std::uint64_t thousandths) {
    return fmt::format("{}.{:03}", thousandths / 1000, thousandths % 1000);
}

/// ` name=value`, or nothing where there is no value.
class Append {
public:
    Append(std::string &text, std::string_view name) : text_(text), name_(name) {}

    void operator()(std::monostate /*absent*/) const {}
    void operator()(std::uint64_t value) const { append(fmt::format("{}", value)); }
    void operator()(std::int64_t value) const { append(fmt::format("{}", value)); }
    void operator()(double value) const { append(decimal(value)); }
    void operator()(const std::string &value) const { append(printable_word(value)); }
    void operator()(const Address &value) const { append(to_string(value)); }
    void operator()(const std::vector<std::uint8_t> &value) const {
        append(fmt::format("{:02x}", fmt::join(value, "")));
    }

private:
    void append(std::string_view value) const {
        text_ += ' ';
        text_ += name_;
        text_ += '=';
        text_ += value;
    }

    std::string &text_;
    std::string_view name_;
};

} // namespace

LineWriter::LineWriter(const Layout &layout, const FlowColumns &columns, const RecordReader &reader)
    : grouped_(!layout.group_by.empty()), reader_(reader) {
    for (const auto *column : layout.columns.empty() ? usual_columns(columns) : layout.columns) {
        if (!column->in_line_part) {
            further_.push_back(column);
        }
    }
}

void LineWriter::append_script_part(std::string &text, const Flow &flow) const {
    const auto &script = reader_.script();
    const auto number = [&](const std::optional<RecordField> &field) {
        return RecordReader::number(flow.record, field);
    };
    fmt::format_to(std::back_inserter(text),
                   "sock=0x{:x} {} -> {} proto={} pkts={} bytes={} retr={} RTT={}ms (srtt_raw={}) srtt_ms={}ms "
                   "CWND={} MSS state={} last_seen_ns={}",
                   flow.sock, to_string(flow.local), to_string(flow.remote), number(script.proto),
                   number(script.pkts_sent), number(script.bytes_sent), number(script.retransmits),
                   with_three_places(number(script.rtt_us)), number(script.srtt_us),
                   with_three_places(number(script.srtt_us)), number(script.cwnd),
                   tcp_state_name(number(script.last_state)), number(script.last_seen_ns));
}

std::string LineWriter::begin() {
    return tr("eBPF loaded. Monitoring TCP flows (by sock pointer). Ctrl-C to exit.") + "\n\n";
}

std::string LineWriter::snapshot(const Page &page) {
    // No group, or no flow, may be the condition's doing.
    const bool nothing = page.snapshot.flows.empty() && !grouped_ && page.snapshot.reading.refused.value_or(0) == 0;
    std::string text = nothing ? tr("[snapshot] no flows observed yet.") + "\n" : "[snapshot]\n";
    for (const auto *flow : page.flows) {
        if (grouped_) {
            text += "group";
        } else {
            append_script_part(text, *flow);
        }
        for (const auto *column : further_) {
            std::visit(Append(text, printable_word(column->name)), column->value(*flow));
        }
        text += '\n';
    }
    if (page.snapshot.reading.refused.value_or(0) != 0) {
        text += fmt::format("# refused={}\n", *page.snapshot.reading.refused);
    }
    return text + comment_line(page.snapshot);
}

std::string comment_line(const Snapshot &snapshot) {
    if (snapshot.missed.empty()) {
        return {};
    }
    std::string text = "#";
    for (const auto &count : snapshot.missed) {
        std::visit(Append(text, count.name), Value(count.value));
    }
    return text + '\n';
}

} // namespace tcp_stats
