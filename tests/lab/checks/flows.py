"""Real traffic: what is shown agrees with ss, TCP_INFO and the sockets that exist."""
import ctypes
import signal
import socket
import struct
import subprocess
from collections import Counter

from harness import KERNEL, LIMIT_S, PROGRAMS, Killed, Monitor, Skipped, bcc_version, check, equal, wait_for
from namespaces import Namespaces, ss, wait_for_listener
from short_connections import short_connections
from sockets import connections, conversation, end, ends_of, listening, raise_file_limit


def iperf_over(address, monitor):
    with Killed("iperf3", "-s", namespace="b", stdout=subprocess.DEVNULL):
        wait_for_listener("b", 5201)
        with Killed("iperf3", "-c", address, "-t", "600", namespace="a", stdout=subprocess.DEVNULL) as client:
            def all_shown(flows):
                expected = ss("a") | ss("b")
                established = {flow.ends for flow in flows if flow.state == "ESTABLISHED"}
                retransmits = sum(flow.retr for flow in flows if flow.remote.endswith(":5201"))
                return len(expected) == 4 and expected <= established and retransmits > 0
            monitor.wait_for_snapshot(f"all four sockets over {address}, with retransmits", all_shown)
            client.send_signal(signal.SIGINT)
            client.wait()
        monitor.wait_for_snapshot("an empty table after the close", lambda flows: not flows)


def lossy_transfers(*options):
    with Namespaces(), Monitor("-i", "0.2", *options) as monitor:
        iperf_over("10.9.0.2", monitor)
        iperf_over("fd09::2", monitor)


@check("base", "newest")
def both_ends_of_a_lossy_transfer_appear_as_ss_shows_them_and_go_when_they_close():
    lossy_transfers("--attach", "kprobe")


@check("base", "types", "newest")
def both_ends_of_a_lossy_transfer_appear_with_fentry_too():
    lossy_transfers("--attach", "fentry")


@check("base")
def a_connection_nobody_answers_is_in_syn_sent_with_the_port_that_ss_shows():
    with Namespaces("loss 100%"), Monitor("-i", "0.2") as monitor:
        def waiting(flows):
            expected = ss("a", "syn-sent")
            return len(expected) == 1 and {(f.ends, f.state) for f in flows} == {(e, "SYN_SENT") for e in expected}
        with Killed("/usr/bin/python3", "-c", "import socket; socket.create_connection(('10.9.0.2', 9))", namespace="a") as client:
            flow, = monitor.wait_for_snapshot("a SYN sent again", lambda flows: waiting(flows) and flows[0].retr > 0)
            equal((flow.retr, flow["pid"], flow.bytes), (flow["retr_syn"], client.pid, 0), "SYNs sent again, pid, bytes")
        monitor.wait_for_snapshot("an empty table", lambda flows: not flows)
        equal([(f.ends, f.further["closed_from"]) for f in monitor.closed()], [(flow.ends, "SYN_SENT")], "closed flows")


@check("base")
def sends_on_sockets_that_are_closed_or_listen_leave_no_record():
    client, server = conversation()
    with client, server, socket.create_server(("127.0.0.1", 0)) as listener, Monitor("-i", "0.2") as monitor:
        monitor.wait_for_snapshot("both ends", lambda flows: len(flows) == 2)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()  # resets the connection
        wait_for("the last records of both ends", lambda: len(monitor.closed_flows) == 2)
        equal({flow.further["closed_from"] for flow in monitor.closed_flows}, {"ESTABLISHED"}, "states before the reset")
        for sock in (client, listener):
            for _ in range(3):
                try:
                    sock.send(b"x")
                except OSError:
                    pass
        monitor.next_snapshot()
        equal([flow.line for flow in monitor.next_snapshot()], [], "records")


class TcpInfo(ctypes.Structure):
    """struct tcp_info of linux/tcp.h, as far as Linux 5.10 fills it."""
    _fields_ = [(name, ctypes.c_uint8) for name in
                ("state", "ca_state", "retransmits", "probes", "backoff", "options", "wscales", "app_limited")] + \
               [(name, ctypes.c_uint32) for name in
                ("rto", "ato", "snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans", "fackets",
                 "last_data_sent", "last_ack_sent", "last_data_recv", "last_ack_recv", "pmtu", "rcv_ssthresh", "rtt",
                 "rttvar", "snd_ssthresh", "snd_cwnd", "advmss", "reordering", "rcv_rtt", "rcv_space",
                 "total_retrans")] + \
               [(name, ctypes.c_uint64) for name in
                ("pacing_rate", "max_pacing_rate", "bytes_acked", "bytes_received")] + \
               [(name, ctypes.c_uint32) for name in
                ("segs_out", "segs_in", "notsent_bytes", "min_rtt", "data_segs_in", "data_segs_out")] + \
               [(name, ctypes.c_uint64) for name in ("delivery_rate", "busy_time", "rwnd_limited", "sndbuf_limited")] + \
               [(name, ctypes.c_uint32) for name in ("delivered", "delivered_ce")]


def tcp_info(sock):
    raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, ctypes.sizeof(TcpInfo))
    info = TcpInfo.from_buffer_copy(raw)
    moving = ("last_data_sent", "last_ack_sent", "last_data_recv", "last_ack_recv")
    return {name: getattr(info, name) for name, _ in TcpInfo._fields_ if name not in moving}


def twenty_members_equal_tcp_info(*options):
    client, server = conversation()
    with client, server, Monitor("-i", "0.2", "--src", f"{PROGRAMS}/tcp_info.c", *options) as monitor:
        ends = ends_of(client)

        def settled():
            """Until the values stood still around a sample: a send of nothing calls tcp_sendmsg and moves nothing."""
            before = tcp_info(client)
            client.send(b"")
            flows = monitor.next_snapshot()
            after = tcp_info(client)
            mine = [flow for flow in flows if flow.ends == ends]
            return (mine[0], after) if before == after and mine else None
        flow, info = wait_for("a moment without change", settled)
    equal(flow.rtt_us, info["rtt"], "rtt")
    equal(flow.srtt_raw >> 3, info["rtt"], "srtt_us")
    equal(flow.cwnd, info["snd_cwnd"], "cwnd")
    equal(flow.state, "ESTABLISHED", "state of a connection older than the monitor")
    assert info["rtt"] > 0 and info["bytes_acked"] > 200000, info
    found = {name: int(value) for name, value in flow.further.items() if not name.endswith("_per_s")}
    expected = {"mdev_us": info["rttvar"] * 4, "ssthresh": info["snd_ssthresh"], "min_rtt_us": info["min_rtt"],
                "total_retrans": info["total_retrans"]}
    for name in ("rcv_ssthresh", "advmss", "reordering", "segs_out", "segs_in", "data_segs_out", "data_segs_in",
                 "delivered", "bytes_acked", "bytes_received", "pacing_rate"):
        expected[name] = info[name]
    assert found.pop("mdev_us") >> 2 == expected.pop("mdev_us") >> 2, (flow.line, info)
    equal(found, expected, "members of tcp_sock")


@check("base", "types", "newest")
def members_all_over_tcp_sock_equal_tcp_info_from_btf():
    twenty_members_equal_tcp_info("--kernel-types", "btf", "--attach", "kprobe")


@check("base", "types", "newest")
def members_all_over_tcp_sock_equal_tcp_info_with_fentry():
    twenty_members_equal_tcp_info("--kernel-types", "btf", "--attach", "fentry")


@check("types")
def members_all_over_tcp_sock_equal_tcp_info_from_headers():
    if KERNEL == "6.12" and bcc_version() < (0, 31):
        raise Skipped("libbcc before 0.31 cannot compile the headers of 6.12 (sources.py proves it)")
    twenty_members_equal_tcp_info("--kernel-types", "headers")


@check("base")
def ten_thousand_sockets_come_and_go_while_the_old_ones_stay_in_every_snapshot():
    raise_file_limit()
    pairs = [conversation() for _ in range(8)]
    with Monitor("-i", "0.05") as monitor:
        witnesses = {end(sock.getsockname()) for pair in pairs for sock in pair}

        def shown(flows):
            return witnesses <= {flow.local for flow in flows}
        monitor.wait_for_snapshot("the old connections", shown)
        first = len(monitor.snapshots)
        came = Counter()

        def many_came():
            came.update(short_connections(2500, size=10).both())
            return came.total() >= 10000 and len(monitor.snapshots) > first + 10
        wait_for("ten thousand sockets and ten snapshots", many_came, 3 * LIMIT_S)
        last = len(monitor.snapshots)
        gone = set()
        for flows in monitor.snapshots[first:last]:
            assert shown(flows), "a snapshot lacks a connection that was open throughout"
            there = [flow for flow in flows if flow.state != "CLOSE"]
            equal(len({flow.sock for flow in there}), len(there), "different sockets in a snapshot")
            # Some ports came twice; of the others none comes again.
            equal([flow.line for flow in there if flow.ends in gone and came[flow.ends] == 1], [], "flows after their last record")
            gone.update(flow.ends for flow in flows if flow.state == "CLOSE")
        assert gone, "no last record in these snapshots"
        monitor.wait_for_snapshot("only the old connections", lambda flows: {f.local for f in flows} == witnesses)
        equal(monitor.stop(), 0, "exit status")


@check("base")
def sixteen_thousand_flows_fit():
    """And are read in one snapshot. That those without room are counted is proved with a small table."""
    raise_file_limit()
    with listening() as listener, Monitor("-i", "3") as monitor:
        pairs = connections(listener, 8192)
        flows = monitor.wait_for_snapshot("16,384 flows", lambda flows: len(flows) == 16384)
        equal(flows.missed_beside_probes, {}, "comment line while all fit")
        equal({line.split()[1] for line in flows.lines}, {end(sock.getsockname()) for pair in pairs for sock in pair}, "local ends")
        for client, server in pairs:
            client.close()
            server.close()
        monitor.wait_for_snapshot("an empty table", lambda flows: not flows)
        equal(monitor.stop(), 0, "exit status")
