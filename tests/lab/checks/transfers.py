"""Transfers and conversations under loss: equal to iperf3 and nstat."""
import json
import subprocess
import threading

from harness import (LIMIT_S, Killed, Monitor, assert_no_kprobe, check, equal, helper, never_called, once_each, sh, wait_for)
from namespaces import Namespaces, in_namespace, netns_inode, nstat, wait_for_listener
from snapshot import totals

COOKIE = 37  # iperf3's COOKIE_SIZE: what it sends on a data connection before the data
CAUSES = "retr_fast", "retr_rto", "retr_probe", "retr_syn"


def iperf3(address, port, size="3M"):
    """A transfer from a to b: what iperf3 says of it at its end."""
    with Killed("iperf3", "-s", "-1", "-p", port, namespace="b", stdout=subprocess.DEVNULL) as server:
        wait_for_listener("b", port)
        done = sh(f"ip netns exec a iperf3 -c {address} -p {port} -n {size} -J")
        server.wait(LIMIT_S)
    return json.loads(done)


def transfers(count, *options):
    """So many at the same time over IPv4, and as many over IPv6."""
    with Namespaces("delay 20ms loss 5%"), Monitor("-i", "0.5", *options) as monitor:
        inode = {name: netns_inode(name) for name in ("a", "b")}
        results = {}
        threads = [threading.Thread(target=lambda a=address, p=first + number: results.update({p: iperf3(a, p)}))
                   for number in range(count) for address, first in (("10.9.0.2", 6000), ("fd09::2", 7000))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(len(results), 2 * count, "transfers, IPv4 and IPv6")
        for port, result in results.items():
            def last_records():
                return [flow for flow in monitor.closed()
                        if flow.local.endswith(f":{port}") or flow.remote.endswith(f":{port}")]
            wait_for("the last records of all four sockets", lambda: len(last_records()) >= 4)
            flows = once_each(last_records())
            equal(len(flows), 4, "last records")
            local_port = result["start"]["connected"][0]["local_port"]
            sent = result["end"]["sum_sent"]
            data, = [flow for flow in flows if flow.local.endswith(f":{local_port}")]
            equal(data.bytes, sent["bytes"] + COOKIE, "bytes of the data connection")
            equal(data.further["comm"], "iperf3", "comm")
            # iperf3 reads its count when it has handed over the last byte; what is still queued then may be
            # sent again later.
            assert data.retr >= sent["retransmits"], (data.line, sent)
        in_order = monitor.closed()
        for name in ("a", "b"):
            flows = [flow for flow in in_order if flow["netns"] == inode[name]]
            equal(len(flows), 4 * count, f"last records in {name}")
            causes_equal_nstat(flows, nstat(name))
        monitor.nothing_else_was_missed()
        equal(monitor.stop(), 0, "exit status")


def causes_equal_nstat(flows, counters):
    """docs/fields.md says how the causes and the counters of nstat belong together."""
    equal(sum(flow.retr for flow in flows), counters["TcpRetransSegs"], "retr of all flows and TcpRetransSegs")
    sums = totals(flows, *CAUSES, "retr_unseen")
    equal(sum(sums.values()), counters["TcpRetransSegs"], f"the causes {sums} and TcpRetransSegs")
    equal(sums["retr_unseen"], 0, "retransmits without a cause")
    # One that the device refused is among TcpRetransSegs, and in no counter of a cause.
    fast, failed = counters["TcpExtTCPFastRetrans"], counters["TcpExtTCPRetransFail"]
    assert fast <= sums["retr_fast"] <= fast + failed, f"{sums}, TCPFastRetrans {fast}, TCPRetransFail {failed}"
    equal(sums["retr_syn"], counters["TcpExtTCPSynRetrans"], "retr_syn and TCPSynRetrans")
    assert sums["retr_probe"] <= counters["TcpExtTCPLossProbes"], (sums, counters["TcpExtTCPLossProbes"])
    slow_start = counters["TcpExtTCPSlowStartRetrans"]
    assert slow_start <= sums["retr_rto"] <= slow_start + counters["TcpExtTCPTimeouts"] + failed, (sums, counters)


@check("truth")
def ten_lossy_transfers_at_the_same_time_over_ipv4_and_as_many_over_ipv6_equal_iperf3_and_nstat():
    transfers(10, "--attach", "kprobe")


@check("numbers")
def lossy_transfers_equal_iperf3_and_nstat_with_kprobes():
    transfers(1, "--attach", "kprobe")


@check("truth", "numbers")
def lossy_transfers_equal_iperf3_and_nstat_with_fentry():
    transfers(1, "--attach", "fentry")


class Echo:
    """An echo server on port 8000 of a namespace, and clients that ask it."""

    def __init__(self, namespace):
        self.server = helper("echoes", namespace=namespace, stderr=subprocess.DEVNULL)  # connections that end in the midst
        wait_for_listener(namespace, 8000)

    @staticmethod
    def ask(namespace, address, times):
        with helper("asks", address, times, namespace=namespace) as asking:
            equal(asking.wait(), 0, "exit status of those who ask")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.server.__exit__(*exception)


def retransmits_of_every_cause(*options, without=None):
    """Short conversations lose SYNs, SYN-ACKs, tails and whole windows; nothing is fast about them. They go on until each cause
    was seen."""
    with Namespaces("delay 10ms loss 15%"), Monitor("-i", "0.5", *options) as monitor, Echo("b"):
        if without:
            assert_no_kprobe(without)
        sh("ip netns exec b tc qdisc add dev veth-b root netem delay 10ms loss 10%")
        inode = {name: netns_inode(name) for name in ("a", "b")}
        rounds = 0

        def every_cause():
            nonlocal rounds
            Echo.ask("a", "10.9.0.2", 2)
            Echo.ask("a", "fd09::2", 2)
            iperf3("10.9.0.2", 6100 + rounds, "300K")
            rounds += 1
            # TIME_WAIT keeps nothing that sends again; sockets that still exist do.
            wait_for("the end of every connection", lambda: not any(
                in_namespace(name, "ss -tnH state connected exclude time-wait exclude syn-recv") for name in inode))
            # Two more snapshots: what ended is in them.
            monitor.next_snapshot()
            monitor.next_snapshot()
            return all(totals(monitor.closed(), *CAUSES).values())
        wait_for("retransmits of every cause", every_cause, 2 * LIMIT_S)
        monitor.nothing_else_was_missed()
        for name in inode:
            flows = [flow for flow in once_each(monitor.closed()) if flow["netns"] == inode[name]]
            equal(len(flows), rounds * (2 * 16 + 2), f"last records in {name}")
            causes_equal_nstat(flows, nstat(name))
        equal(monitor.stop(), 0, "exit status")


@check("truth", "numbers")
def retransmits_of_every_cause_add_up_to_nstat():
    retransmits_of_every_cause()


@check("truth", "numbers")
def retransmits_whose_kprobes_are_never_called_have_the_right_cause():
    """What the tracepoint behind tcp_retransmit_skb is for."""
    retransmits_of_every_cause(*never_called("tcp_retransmit_skb"), without="tcp_retransmit_skb")
