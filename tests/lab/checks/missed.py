"""What was missed is counted."""
import os
import signal
from collections import Counter

from harness import (KERNEL, PROGRAMS, Monitor, Skipped, bcc_version, bpf_maps, bpf_programs, check, contains, equal, helper, hidden,
                     once_each, programs_of_bpf, wait_for)
from kprobe_misses import KprobeMisses
from short_connections import short_connections
from sockets import connected, connections, drain, ends_of, listening, raise_file_limit


@check("truth")
def connections_whose_ends_nothing_sees_are_counted():
    with Monitor("-i", "0.5", "-D", "ENDS_UNSEEN") as monitor:
        monitor.next_snapshot()
        lost = short_connections(100).both().total()
        wait_for("all to be counted", lambda: monitor.missed("replaced") + monitor.missed("stale") >= lost)
        monitor.next_snapshot()
        monitor.next_snapshot()
        equal(monitor.missed("replaced") + monitor.missed("stale"), lost, "flows that were lost")
        assert monitor.missed("replaced") > 0, "no struct sock was used twice"
        equal(len(monitor.closed_flows), 0, "last records")
        equal(monitor.stop(), 0, "exit status")


@check("truth")
def with_a_small_table_the_flows_without_room_are_counted_and_the_numbers_add_up():
    raise_file_limit()
    with listening() as listener:
        pairs = connections(listener, 400)
        with Monitor("-i", "0.5", "--max-flows", "100") as monitor:
            flows = monitor.next_snapshot()
            equal(len(flows) + flows.missed["untracked"], 800, "flows of the first snapshot, tracked or counted")
            pairs += connections(listener, 100)

            def all_there(flows):
                return len(flows) <= 100 and len(flows) + flows.missed.get("untracked", 0) == 1000
            monitor.wait_for_snapshot("1,000 flows, tracked or counted", all_there)
            for client, server in pairs:
                client.close()
                server.close()
            wait_for("a last record of each, tracked or not", lambda: len(monitor.closed()) == 1000)
            monitor.wait_for_snapshot("an empty table, and nothing missed when all fit again",
                                      lambda flows: not flows and not flows.missed_beside_probes)
            equal(len(once_each(monitor.closed())), 1000, "last records")
            equal(monitor.stop(), 0, "exit status")


def room_for_last_records():
    """In the ring, as the kernel has its size and the record's: eight bytes stand before each."""
    (ring,), (record,) = bpf_maps("closed_flows"), bpf_maps("last_record")
    return ring["max_entries"] // (record["bytes_value"] + 8)


@check("truth")
def last_records_that_found_no_room_in_the_ring_are_counted():
    with Monitor("-i", "2") as monitor:
        monitor.next_snapshot()
        room = room_for_last_records()
        monitor.process.send_signal(signal.SIGSTOP)
        both = short_connections(room // 2 + 500).both()
        monitor.process.send_signal(signal.SIGCONT)
        wait_for("all, recorded or counted",
                 lambda: len(monitor.closed_flows) + monitor.missed("closed_lost") >= both.total())
        equal(len(monitor.closed_flows) + monitor.missed("closed_lost"), both.total(), "recorded and counted")
        assert monitor.missed("closed_lost") > 0, f"the ring had room for all of them, not for {room}"
        recorded = Counter(flow.ends for flow in monitor.closed())
        assert recorded <= both, "a record too many"
        equal(monitor.stop(), 0, "exit status")


@check("truth")
def flows_in_a_namespace_that_cannot_be_found_are_shown_and_counted():
    """Their process holds them open; what is not known is how they go on."""
    with helper("hides") as hiding:
        equal(hiding.stdout.readline(), "ready\n", "the hidden flow")
        with Monitor("-i", "0.5") as monitor:
            flows = monitor.wait_for_snapshot("the count", lambda flows: flows.missed.get("unwalked", 0) > 0)
            equal(flows.missed["unwalked"], 2, "flows that were not walked")
            equal([flow.further["comm"] for flow in flows], ["python3"] * 2, "whose they are")


@check("numbers")
def handlers_that_the_kernel_did_not_call_are_counted():
    """One hook on a function that another hook calls: as often as the kernel itself counts."""
    if KERNEL not in ("6.12", "newest"):
        raise Skipped("kernels before 6.7 do not tell how often a kprobe was missed")
    client, server = connected()
    others = programs_of_bpf()
    with client, server, KprobeMisses("bpf_get_current_comm", "tcp_sendmsg") as misses, \
            Monitor("-i", "0.5", "--src", f"{PROGRAMS}/recursion.c") as monitor:
        monitor.next_snapshot()
        sent = 0

        def ten_seen(flows):
            nonlocal sent
            sent += client.send(b"x")
            return any(flow.bytes >= 10 for flow in flows)
        monitor.wait_for_snapshot("the sends", ten_seen)

        def told_by_the_kernel():
            """Of kprobes that it did not call, and of programs that it did not run."""
            return misses.count() + sum(program.get("recursion_misses", 0) for program in bpf_programs()
                                        if program["id"] not in others)
        wait_for("as many handlers not called as the kernel counts", lambda: monitor.missed("probe_missed") >= told_by_the_kernel())
        equal(monitor.missed("probe_missed"), told_by_the_kernel(), "handlers not called")
        assert 10 <= told_by_the_kernel() <= sent, f"{told_by_the_kernel()} handlers not called in {sent} sends"


@check("types")
def without_walks_the_numbers_are_those_of_the_last_event():
    """No BTF, so no iterators: what is installed of headers is enough."""
    if KERNEL == "6.12" and bcc_version() < (0, 31):
        raise Skipped("libbcc before 0.31 cannot compile the headers of 6.12 (sources.py proves it)")
    with Monitor("-i", "0.5", "--listening", prefix=hidden("/sys/kernel/btf")) as monitor:
        client, server = connected()
        ends = ends_of(client)
        reader = drain(server)
        sent = 0

        def seen(flow):
            nonlocal sent
            if flow.ends != ends:
                return False
            client.sendall(b"x" * 5000)
            sent += 5000
            return flow.bytes > 0
        client.sendall(b"")
        flow = monitor.wait_for_flow("the sends", seen)
        assert 5000 * (flow["sendmsg_calls"] - 2) <= flow.bytes < sent, f"bytes before the last send: {flow.line}"
        equal((flow["pid"], flow.further["comm"]), (os.getpid(), "python3"), "pid, comm")
        client.close()
        reader.join()
        server.close()
        last = {flow.ends: flow for flow in wait_for("both last records", lambda: len(monitor.closed()) == 2
                                                      and monitor.closed())}
        equal((last[ends].bytes, last[ends[::-1]]["bytes_received"]), (sent, sent + 1), "bytes, and bytes received")
        monitor.nothing_else_was_missed()
        equal(monitor.stop(), 0, "exit status")
        contains(monitor.stderr(), "warning: --listening has no effect: nothing walks over the sockets, as BPF_ITER(tcp) does where "
                 "the kernel has BTF")
