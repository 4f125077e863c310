#include "output/line_writer.h"

#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "base/translate.h"

namespace tcp_stats {
namespace {

/// `thousandths` as a decimal with three places.
std::string with_three_places(std::uint64_t thousandths) {
    return fmt::format("{}.{:03}", thousandths / 1000, thousandths % 1000);
}

struct ValueText {
    std::string operator()(std::uint64_t value) const { return std::to_string(value); }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(const std::string &value) const { return printable_word(value); }
    std::string operator()(const std::vector<std::uint8_t> &value) const {
        return fmt::format("{:02x}", fmt::join(value, ""));
    }
};

void append_flow(std::string &text, const Flow &flow, const std::vector<std::string> &further_fields) {
    fmt::format_to(std::back_inserter(text),
                   "sock=0x{:x} {} -> {} proto={} pkts={} bytes={} retr={} RTT={}ms (srtt_raw={}) srtt_ms={}ms "
                   "CWND={} MSS state={} last_seen_ns={}",
                   flow.sock, to_string(flow.local), to_string(flow.remote), flow.protocol, flow.pkts_sent,
                   flow.bytes_sent, flow.retransmits, with_three_places(flow.rtt_us), flow.srtt_us,
                   with_three_places(flow.srtt_us), flow.cwnd, tcp_state_name(flow.state), flow.last_seen_ns);
    for (std::size_t i = 0; i < further_fields.size(); ++i) {
        fmt::format_to(std::back_inserter(text), " {}={}", further_fields[i], std::visit(ValueText(), flow.further[i]));
    }
    text += '\n';
}

} // namespace

std::string line_banner() {
    return tr("eBPF loaded. Monitoring TCP flows (by sock pointer). Ctrl-C to exit.") + "\n\n";
}

std::string line_snapshot(const Snapshot &snapshot) {
    if (snapshot.flows.empty()) {
        return tr("[snapshot] no flows observed yet.") + "\n";
    }
    std::string text = "[snapshot]\n";
    for (const auto &flow : snapshot.flows) {
        append_flow(text, flow, snapshot.further_fields);
    }
    return text;
}

std::string line_farewell() { return tr("Exiting") + "\n"; }

} // namespace tcp_stats
