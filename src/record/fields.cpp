#include "record/fields.h"

#include <algorithm>

namespace tcp_stats {
namespace {

using Source::combined, Source::internal, Source::record;
using enum AbsentWhen;
using Naming::ca_state, Naming::family, Naming::none, Naming::role, Naming::tcp_state;
using enum Grouping;

constexpr Field end(End end, FieldType type, Field field) {
    field.end = end;
    field.type = type;
    field.identity = type != FieldType::endpoint;
    return field;
}

constexpr Field identity(Field field) {
    field.identity = true;
    return field;
}

constexpr Field of_type(FieldType type, Field field) {
    field.type = type;
    return field;
}

constexpr Field rate(const char *name, const char *unit, const char *meaning, const char *counter) {
    Field field = {name, nullptr, unit, "", "", meaning, Source::rate};
    field.rate_of = counter;
    return field;
}

constexpr Field share(const char *name, Limit limit, const char *meaning) {
    Field field = {name, nullptr, "%", "", "", meaning, Source::share};
    field.limit = limit;
    return field;
}

constexpr Field field_table[] = {
    // Addresses.
    end(End::local_address, FieldType::address,
        {"saddr", "first endpoint", "", "skc_rcv_saddr, skc_v6_rcv_saddr", "",
         "Address of this end. Raw bytes in network order."}),
    end(End::local_port, FieldType::port,
        {"sport", "first endpoint", "", "skc_num", "", "Port of this end. In host order."}),
    end(End::remote_address, FieldType::address,
        {"daddr", "second endpoint", "", "skc_daddr, skc_v6_daddr", "",
         "Address of the other end, as this host sees it: behind NAT or a proxy that is not the peer's own."}),
    end(End::remote_port, FieldType::port,
        {"dport", "second endpoint", "", "skc_dport", "", "Port of the other end. In network order in the record."}),
    end(End::family, FieldType::word,
        {"family", nullptr, "", "skc_family", "",
         "ipv4 or ipv6, that of the socket. An IPv6 socket may carry IPv4, as ::ffff:a.b.c.d.", combined, never,
         family}),
    {"proto", nullptr, "", "", "", "6, TCP. 0 says that the record has no address yet; it is not shown then."},
    end(End::local, FieldType::endpoint,
        {"local", "first endpoint", "", "", "", "Address and port of this end.", combined}),
    end(End::remote, FieldType::endpoint,
        {"remote", "second endpoint", "", "", "", "Address and port of the other end.", combined}),
    // What the script had.
    {"pkts_sent", "pkts", "segments", "tcp_sock.data_segs_out", "",
     "Segments with data sent, those sent again included. Not packets on the wire where a network card splits or "
     "merges them by itself. 32 bits in the kernel: it begins again after 4,294,967,295."},
    {"bytes_sent", "bytes", "bytes", "tcp_sock.bytes_acked + (write_seq - snd_una), without SYN and FIN", "",
     "Bytes that the socket accepted from the application, by any system call, since the connection began. Not bytes "
     "that left, nor bytes that arrived: notsent and bytes_acked tell those. With kernel TLS, what TLS made of them. "
     "On a socket restored with TCP_REPAIR it may be one less."},
    {"retransmits", "retr", "segments", "tcp_sock.total_retrans", "",
     "Segments sent again, tail-loss probes and SYNs included; of an accepted connection its SYN-ACKs too. Not "
     "segments lost, and not time-outs."},
    {"srtt_us", "srtt_raw, srtt_ms", "us * 8", "tcp_sock.srtt_us", "",
     "Smoothed round-trip time as the kernel keeps it, with three fraction bits. srtt_ms is this raw value divided by "
     "1000, as the script has it. Absent before the first measurement, as rtt_us.",
     record, zero},
    {"rtt_us", "RTT", "us", "tcp_sock.srtt_us >> 3", "",
     "Smoothed round-trip time. Includes the time the peer takes to acknowledge. Absent, and 0 in the script's part of "
     "a line, before the first measurement.",
     record, zero},
    {"cwnd", "CWND", "segments", "tcp_sock.snd_cwnd", "", "Congestion window, in segments of one mss.", record, never,
     none, percentiles},
    {"last_state", "state", "", "skc_state", "", "State of the connection, by its name. CLOSE: it has ended.", record,
     never, tcp_state},
    {"last_seen_ns", nullptr, "ns", "bpf_ktime_get_ns(), jiffies", "",
     "CLOCK_MONOTONIC at the last event: a send, a retransmit, a change of state; or when the flow was first found. "
     "The time of a send is known to one timer tick, 1 to 10 ms. Not the time of the last packet, and not of the "
     "sample.",
     record, never, none, maximum},
    // Who.
    {"pid", nullptr, "", "task_struct.tgid", "",
     "Process that connected, holds, last sent on or closed the socket, as the initial pid namespace counts. One that "
     "accepted and never sends is looked for among the open files: within five seconds mostly, a minute at most, or at "
     "its close; a reset before that leaves it unknown. It may have exited since, and left the socket to a child.",
     record, zero},
    of_type(FieldType::process_name, {"comm", nullptr, "", "task_struct.comm", "",
                                      "Its name when it did so, or its thread's, 15 bytes at most. Any process may "
                                      "choose its name; what cannot be shown is \\xNN: control and invisible "
                                      "characters, bytes that are no UTF-8, and in lines, or where the locale has no "
                                      "UTF-8, all that is not ASCII."}),
    identity({"netns", nullptr, "", "net.ns.inum", "",
              "Inode number of the network namespace, as ls -i /proc/PID/ns/net has it.", record, zero}),
    identity({"cgroup", nullptr, "", "sk_cgrp_data, kernfs_node.id", "",
              "Id of the socket's cgroup (v2): that of the process that made it, or of the listening socket. It stays "
              "when the process moves.",
              record, zero}),
    of_type(FieldType::path, {"cgroup_path", nullptr, "", "", "",
                              "Path of that cgroup below the cgroup2 mount, while it exists.", Source::cgroup_path}),
    of_type(FieldType::bytes,
            {"mptcp", nullptr, "", "mptcp_sock.token", "",
             "Of a subflow of Multipath TCP, the token of its connection, in hexadecimal as ss -M has "
             "it, with leading zeros. The process is that of the connection. Absent with the types "
             "of kernel headers, which do not have it.",
             record, zero}),
    {"role", nullptr, "", "tcp_set_state()", "",
     "Who opened the connection: active, this end; passive, the other. Of connections older than the monitor it is "
     "inferred from sk_max_ack_backlog and the bytes counted.",
     record, zero, role},
    // How long.
    {"duration_ms", nullptr, "ms", "", "",
     "From the SYN (active) or the end of the handshake (passive) to now, or to the close. Absent where the opening "
     "was not seen.",
     Source::duration},
    {"connect_us", nullptr, "us", "tcp_set_state(), tcp_synack_rtt_meas()", "",
     "Time of the handshake. Of the end that connected: from its SYN until the SYN-ACK was there; SYNs sent again "
     "(retr_syn) make it long. Of the end that accepted: from its first SYN-ACK to the ACK, absent with a SYN cookie. "
     "Absent where the handshake was not seen.",
     record, zero, none, percentiles},
    {"state_ms", nullptr, "ms", "tcp_set_state()", "",
     "Time in the present state; of a closed flow, in closed_from. Absent where the change to it was not seen. In "
     "CLOSE_WAIT, which is the application's not closing, it is then the time since the peer's last segment, or "
     "longer.",
     Source::state_time},
    {"closed_from", nullptr, "", "skc_state", "",
     "Of a closed flow, the state before. TIME_WAIT comes from FIN_WAIT2 and CLOSING, and the other end from LAST_ACK; "
     "SYN_SENT was refused or never answered; ESTABLISHED, CLOSE_WAIT and FIN_WAIT1 were reset, aborted or given up; "
     "CLOSE failed at once.",
     record, zero, tcp_state},
    {"ended", nullptr, "", "tcp_set_state(), sk_err, sk_shutdown, sk_flags", "", "How a closed flow ended, see below.",
     record, zero, Naming::ending, most_frequent},
    {"error", nullptr, "", "sk_err, sk_err_soft", "",
     "The error that the application got or would get, by its name in errno(3). It stays when the application has "
     "taken it. Of an error that does not end a connection (IP_RECVERR), what a snapshot found. Of a connect() given "
     "up: what ICMP said meanwhile.",
     record, zero, Naming::error, most_frequent},
    // Bytes.
    {"bytes_acked", nullptr, "bytes", "tcp_sock.bytes_acked", "",
     "Acknowledged by the peer. Counts a SYN and a FIN as a byte each, as ss does."},
    {"bytes_received", nullptr, "bytes", "tcp_sock.bytes_received", "",
     "Received in order. Counts a FIN as a byte, as ss does. Not bytes that the application has read."},
    {"bytes_retrans", nullptr, "bytes", "tcp_sock.bytes_retrans", "", "Sent again."},
    {"notsent", nullptr, "bytes", "tcp_sock.write_seq - snd_nxt", "", "Accepted and not sent yet."},
    {"rcvq", nullptr, "bytes", "tcp_sock.rcv_nxt - copied_seq", "",
     "Received and waiting to be read by the application. ss counts a FIN as one more."},
    // Segments.
    {"segs_out", nullptr, "segments", "tcp_sock.segs_out", "", "Sent, those without data included. 32 bits."},
    {"segs_in", nullptr, "segments", "tcp_sock.segs_in", "", "Received, those without data included. 32 bits."},
    {"data_segs_in", nullptr, "segments", "tcp_sock.data_segs_in", "", "Received with data. 32 bits."},
    {"delivered", nullptr, "segments", "tcp_sock.delivered", "",
     "Known to have arrived, out of order ones included. Counts the SYN. 32 bits."},
    {"delivered_ce", nullptr, "segments", "tcp_sock.delivered_ce", "",
     "Of those, acknowledged with an ECN congestion mark."},
    {"lost", nullptr, "segments", "tcp_sock.lost", "",
     "Taken for lost so far, segments sent again included. An estimate of the sender's: some were only late."},
    {"reordering", nullptr, "segments", "tcp_sock.reordering", "",
     "How far out of order the sender expects segments to arrive before it takes them for lost.", record, never, none,
     percentiles},
    {"reord_seen", nullptr, "events", "tcp_sock.reord_seen", "", "Times that reordering was seen."},
    {"dsack_dups", nullptr, "segments", "tcp_sock.dsack_dups", "",
     "Reported by the peer as received twice: retransmits found spurious. Only with a peer that sends DSACKs; the "
     "network may duplicate too."},
    {"rcv_ooopack", nullptr, "segments", "tcp_sock.rcv_ooopack", "", "Received out of order."},
    // Retransmits by cause.
    {"retr_fast", nullptr, "segments", "tcp_retransmit_skb(), icsk_ca_state", "",
     "Sent again in fast recovery, because acknowledgements told of a loss. nstat: TcpExtTCPFastRetrans."},
    {"retr_rto", nullptr, "segments", "tcp_retransmit_skb(), icsk_ca_state", "",
     "Sent again because the retransmission timer ran out, and in its wake (TCP_CA_Loss) until recovered: nstat counts "
     "the first in TcpExtTCPTimeouts, the others in TcpExtTCPSlowStartRetrans. Also after a smaller path MTU was "
     "learned. Not a number of time-outs."},
    {"retr_probe", nullptr, "segments", "tracepoint tcp:tcp_retransmit_skb", "",
     "Sent again as a tail-loss probe. nstat's TcpExtTCPLossProbes counts probes with new data too."},
    {"retr_syn", nullptr, "segments", "tcp_retransmit_skb(), tcp_rtx_synack()", "",
     "SYNs sent again, or SYN-ACKs of the connection's own handshake. nstat: TcpExtTCPSynRetrans, which also counts "
     "requests that never became a connection."},
    {"retr_unseen", nullptr, "segments", "tcp_sock.total_retrans", "",
     "Sent again before the monitor saw the socket: the cause is not known. The five add up to retr."},
    {"timeouts", nullptr, "events", "tcp_sock.total_rto", "6.7",
     "Times that the retransmission timer ran out, but for zero windows. 16 bits."},
    // Time.
    {"rttvar_us", nullptr, "us", "tcp_sock.mdev_us >> 2", "", "Mean deviation of the round-trip time."},
    {"min_rtt_us", nullptr, "us", "tcp_sock.rtt_min", "",
     "Smallest round-trip time of the last minutes (net.ipv4.tcp_min_rtt_wlen). Absent before the first.", record,
     all_ones, none, minimum},
    {"rto_us", nullptr, "us", "icsk_rto", "", "Retransmission time-out, in steps of a timer tick."},
    // Windows.
    {"mss", nullptr, "bytes", "tcp_sock.mss_cache", "", "Data in a full segment sent, without headers and options.",
     record, never, none, percentiles},
    {"ssthresh", nullptr, "segments", "tcp_sock.snd_ssthresh", "",
     "Slow start threshold. Absent while it is infinite: nothing has been lost.", record, all_ones, none, percentiles},
    {"snd_wnd", nullptr, "bytes", "tcp_sock.snd_wnd", "", "Window that the peer advertised last.", record, never, none,
     percentiles},
    {"rcv_wnd", nullptr, "bytes", "tcp_sock.rcv_wnd", "", "Window that this end advertised last.", record, never, none,
     percentiles},
    {"unacked", nullptr, "segments", "tcp_sock.packets_out", "", "Sent and not acknowledged."},
    {"sacked", nullptr, "segments", "tcp_sock.sacked_out", "", "Of those, arrived out of order."},
    {"lost_now", nullptr, "segments", "tcp_sock.lost_out", "", "Of the unacknowledged, taken for lost."},
    {"retrans_now", nullptr, "segments", "tcp_sock.retrans_out", "", "Of the unacknowledged, sent again."},
    {"in_flight", nullptr, "segments", "tcp_packets_in_flight()", "",
     "Believed to be on the way: unacked - sacked - lost_now + retrans_now."},
    // Rates that the kernel has.
    {"pacing_rate", nullptr, "bytes/s", "sk_pacing_rate", "",
     "Rate that the sender paces itself to. Absent while unlimited. Nothing is slowed down by it unless pacing is in "
     "use (fq, BBR, SO_MAX_PACING_RATE).",
     record, all_ones, none, percentiles},
    {"delivery_rate", nullptr, "bytes/s", "tcp_compute_delivery_rate()", "",
     "Rate of the most recent delivery that was measured, which may be long ago. With app_limited=1 the path could "
     "have done more. Absent before the first.",
     record, all_ones, none, percentiles},
    {"app_limited", nullptr, "0 or 1", "tcp_sock.rate_app_limited", "", "Whether that rate was the application's."},
    of_type(FieldType::text, {"ca", nullptr, "", "icsk_ca_ops->name", "", "Congestion control algorithm."}),
    {"ca_state", nullptr, "", "icsk_ca_state", "",
     "Open: all is well. Disorder: duplicate ACKs. CWR: reduced by ECN or locally. Recovery: fast recovery. Loss: "
     "after a time-out.",
     record, never, ca_state},
    {"cwnd_limited", nullptr, "0 or 1", "tcp_sock.is_cwnd_limited", "",
     "Whether the congestion window held the sender back when it last filled a window."},
    // Times.
    {"busy_us", nullptr, "us", "tcp_sock.chrono_stat", "",
     "Time with data to send or unacknowledged. In steps of a timer tick, as the next two.", record, never, none, sum},
    {"rwnd_limited_us", nullptr, "us", "tcp_sock.chrono_stat", "", "Of that, held back by the receiver's window.",
     record, never, none, sum},
    {"sndbuf_limited_us", nullptr, "us", "tcp_sock.chrono_stat", "",
     "Of that, held back by the send buffer, as far as the kernel notices: not when all was sent by the time the "
     "application had to wait.",
     record, never, none, sum},
    {"sndbuf_full", nullptr, "0 or 1", "socket.flags, SOCK_NOSPACE", "",
     "Whether the application wants to send more and waits for room in the send buffer."},
    {"recovery_us", nullptr, "us", "tcp_retransmit_skb()", "",
     "Time in loss recovery since the monitor saw the socket, an estimate: a round trip for each retransmission, plus "
     "the time-out where the timer ran out, none of it counted twice.",
     record, never, none, sum},
    // Of the application.
    {"sendmsg_calls", nullptr, "calls", "tcp_sendmsg()", "",
     "Calls of tcp_sendmsg since the monitor saw the socket. Not sendfile before Linux 6.5, nor kernel TLS and MPTCP: "
     "these have other ways; their bytes are counted all the same."},
    {"acceptq", nullptr, "connections", "sk_ack_backlog", "",
     "Of a listening socket (--listening): accepted by the handshake, waiting for accept(). One more than the limit "
     "fits.",
     record, all_ones},
    {"acceptq_max", nullptr, "connections", "sk_max_ack_backlog", "",
     "Of a listening socket: its limit, from listen().", record, all_ones},
    {"synq", nullptr, "requests", "icsk_accept_queue.qlen", "",
     "Of a listening socket: requests whose handshake is not complete (SYN_RECV).", record, all_ones},
    {"listen_drops", nullptr, "segments", "sk_drops", "",
     "Of a listening socket: SYNs and last ACKs of handshakes dropped, because a queue was full or there was no "
     "memory. nstat: TcpExtListenDrops.",
     record, all_ones},
    // From two snapshots.
    rate("bytes_per_s", "bytes/s", "Rate of bytes.", "bytes_sent"),
    rate("acked_per_s", "bytes/s", "Rate of bytes_acked.", "bytes_acked"),
    rate("received_per_s", "bytes/s", "Rate of bytes_received.", "bytes_received"),
    rate("pkts_per_s", "segments/s", "Rate of pkts.", "pkts_sent"),
    rate("retr_per_s", "segments/s", "Rate of retr.", "retransmits"),
    {"limit", nullptr, "", "", "", "What limited the sender most since the snapshot before: the largest of the next.",
     Source::limit, never, Naming::limit, most_frequent},
    {"limit_pct", nullptr, "%", "", "", "Its share of the time.", Source::most_share},
    share("app_pct", Limit::app, "Share of the time limited by the application."),
    share("cwnd_pct", Limit::cwnd, "By the congestion window."),
    share("rwnd_pct", Limit::rwnd, "By the receiver's window."),
    share("sndbuf_pct", Limit::sndbuf, "By the send buffer."),
    share("loss_pct", Limit::loss, "By loss recovery."),
    // Not shown.
    {"first_seen_ns", nullptr, "ns", "", "", "Tells one connection from the next at the same address.", internal},
    {"opened_ns", nullptr, "ns", "", "", "Where duration_ms begins.", internal},
    {"sampled_ns", nullptr, "ns", "", "", "When the counters were read; rates are taken over the time between two.",
     internal},
    {"closed_ns", nullptr, "ns", "", "", "Where duration_ms ends.", internal},
    {"state_since_ns", nullptr, "ns", "", "", "Where state_ms begins.", internal},
    {"of_kernel", nullptr, "0 or 1", "sk_kern_sock", "", "Whether the kernel made the socket, and not for MPTCP.",
     internal},
    {"retransmit_state", nullptr, "", "", "", "How far retransmits have been divided up by cause.", internal},
    {"send_state", nullptr, "ticks", "", "", "When the last send was.", internal},
};

} // namespace

std::span<const Field> known_fields() { return field_table; }

const Field *find_field(std::string_view name) {
    const auto found = std::find_if(std::begin(field_table), std::end(field_table),
                                    [&](const Field &field) { return field.name == name; });
    return found == std::end(field_table) ? nullptr : found;
}

std::string shown_name(const Field &field) {
    const std::string_view in_line = field.in_line == nullptr ? "" : field.in_line;
    const bool word =
        !in_line.empty() && std::all_of(in_line.begin(), in_line.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    return word ? std::string(in_line) : field.name;
}

bool is_shown_name(std::string_view name) {
    return std::any_of(std::begin(field_table), std::end(field_table),
                       [&](const Field &field) { return shown_name(field) == name; });
}

std::span<const char *const> needs_of(const Field &field) {
    static constexpr const char *limits[] = {"busy_us",      "rwnd_limited_us", "sndbuf_limited_us", "recovery_us",
                                             "cwnd_limited", "sndbuf_full",     "notsent",           "mss",
                                             "bytes_sent"};
    static constexpr const char *path[] = {"cgroup"};
    switch (field.source) {
    case Source::rate:
        return {&field.rate_of, 1};
    case Source::limit:
    case Source::most_share:
    case Source::share:
        return limits;
    case Source::cgroup_path:
        return path;
    default:
        return {};
    }
}

Grouping grouping_of(const Unit &unit) {
    return unit.dimension == Dimension::none ? agreed : is_level(unit) ? percentiles : sum;
}

Grouping grouping_of(const Field &field) {
    return field.grouping == by_unit ? grouping_of(unit_of(field.unit)) : field.grouping;
}

std::span<const std::string_view> endings(Grouping grouping) {
    static constexpr std::string_view all[] = {"_sum", "_p50", "_p95", "_min", "_max", "_mode", ""};
    static constexpr auto some = std::span(all);
    switch (grouping) {
    case sum:
        return some.subspan(0, 1);
    case percentiles:
        return some.subspan(1, 2);
    case minimum:
        return some.subspan(3, 1);
    case maximum:
        return some.subspan(4, 1);
    case most_frequent:
        return some.subspan(5, 1);
    default:
        return some.subspan(6, 1);
    }
}

std::string_view ending_in_group(std::string_view name) {
    if (find_field(name) != nullptr) {
        return {};
    }
    for (const auto grouping : {sum, percentiles, minimum, maximum, most_frequent}) {
        for (const auto ending : endings(grouping)) {
            if (name.ends_with(ending)) {
                return ending;
            }
        }
    }
    return {};
}

} // namespace tcp_stats
