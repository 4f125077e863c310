#include "metrics/families.h"

#include <algorithm>
#include <iterator>

namespace tcp_stats {
namespace {

using enum Counter;
using Part = CounterFamily::Part;

constexpr CounterSource all_sources[] = {
    {sent_bytes, "bytes_sent"},
    {acked_bytes, "bytes_acked"},
    {received_bytes, "bytes_received"},
    {retransmitted_bytes, "bytes_retrans"},
    {sent_segments, "segs_out"},
    {received_segments, "segs_in"},
    {retransmitted_fast, "retr_fast"},
    {retransmitted_rto, "retr_rto"},
    {retransmitted_probe, "retr_probe"},
    {retransmitted_syn, "retr_syn"},
    {retransmitted_unseen, "retr_unseen"},
    {out_of_order, "rcv_ooopack"},
    {spurious, "dsack_dups"},
};

constexpr Part opened[] = {{"active", opened_active}, {"passive", opened_passive}};
constexpr Part sent[] = {{nullptr, sent_bytes}};
constexpr Part acked[] = {{nullptr, acked_bytes}};
constexpr Part received[] = {{nullptr, received_bytes}};
constexpr Part sent_again[] = {{nullptr, retransmitted_bytes}};
constexpr Part segments_out[] = {{nullptr, sent_segments}};
constexpr Part segments_in[] = {{nullptr, received_segments}};
constexpr Part retransmitted[] = {{"fast", retransmitted_fast},
                                  {"rto", retransmitted_rto},
                                  {"probe", retransmitted_probe},
                                  {"syn", retransmitted_syn},
                                  {"unseen", retransmitted_unseen}};
constexpr Part disordered[] = {{nullptr, out_of_order}};
constexpr Part needless[] = {{nullptr, spurious}};
constexpr Part limited[] = {{"app", limited_app_us},
                            {"cwnd", limited_cwnd_us},
                            {"rwnd", limited_rwnd_us},
                            {"sndbuf", limited_sndbuf_us},
                            {"loss", limited_loss_us}};

constexpr CounterFamily all_counter_families[] = {
    {"connections_opened_total",
     "Connections that this end began to open (active) or accepted (passive). Attempts that fail count as active.",
     "role", opened},
    {"sent_bytes_total", "Bytes that sockets accepted from applications.", nullptr, sent},
    {"acked_bytes_total", "Bytes that peers acknowledged; a SYN and a FIN count as one each.", nullptr, acked},
    {"received_bytes_total", "Bytes received in order; a FIN counts as one.", nullptr, received},
    {"retransmitted_bytes_total", "Bytes sent again.", nullptr, sent_again},
    {"sent_segments_total", "Segments sent, those without data included.", nullptr, segments_out},
    {"received_segments_total", "Segments received, those without data included.", nullptr, segments_in},
    {"retransmitted_segments_total",
     "Segments sent again: in fast recovery (fast), after a time-out (rto), as a tail-loss probe (probe), in a "
     "handshake (syn), or before the monitor saw the socket (unseen).",
     "cause", retransmitted},
    {"out_of_order_segments_total", "Segments received out of order.", nullptr, disordered},
    {"spurious_retransmitted_segments_total", "Segments sent again that the peer reported as received twice (DSACK).",
     nullptr, needless},
    {"limited_seconds_total",
     "Time of intervals in which connections sent, by what held them back: by the application (app), the congestion "
     "window (cwnd), the "
     "receiver's window (rwnd), the send buffer (sndbuf) or loss recovery (loss).",
     "limit", limited, 1e6},
};

constexpr double rtt_bounds_s[] = {0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3};
/// A SYN is sent again after 1, 3, 7 and 15 seconds.
constexpr double handshake_bounds_s[] = {0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 2, 4, 8, 16};
constexpr double connection_bounds_s[] = {0.001, 0.01, 0.1, 0.3, 1, 3, 10, 60, 300, 3600, 21600, 86400};

constexpr HistogramFamily histogram_families[] = {
    {"rtt_seconds", "Smoothed round-trip time of connections that sent or received something, each once a snapshot.",
     rtt_bounds_s},
    {"handshake_duration_seconds", "Time of the handshake: from the SYN, or the SYN-ACK, to the end of it.",
     handshake_bounds_s},
    {"connection_duration_seconds", "How long connections lasted that ended and whose opening was seen.",
     connection_bounds_s},
};

constexpr WordFamily word_families[] = {
    {"connections", "Connections that are open, by state.", "state", Naming::tcp_state, false},
    {"connections_ended_total", "Connections that ended, by how they did.", "ended", Naming::ending, true},
    {"connections_failed_total",
     "Connections that this end began to open and that never came about, by error; given_up: the application closed "
     "its socket before.",
     "error_type", Naming::error, true},
};

} // namespace

std::span<const CounterSource> counter_sources() { return all_sources; }

std::span<const CounterFamily> counter_families() { return all_counter_families; }

const HistogramFamily &family_of(Duration duration) { return histogram_families[static_cast<std::size_t>(duration)]; }

const WordFamily &family_of(Words of) { return word_families[static_cast<std::size_t>(of)]; }

bool is_label_of_a_family(std::string_view name) {
    const auto is_of = [&](const auto &family) { return family.label != nullptr && name == family.label; };
    return name == "le" || name == "listener" || name == "what" ||
           std::any_of(std::begin(all_counter_families), std::end(all_counter_families), is_of) ||
           std::any_of(std::begin(word_families), std::end(word_families), is_of);
}

} // namespace tcp_stats
