"""Whose a flow is: process and cgroup; and listening sockets."""
import os
import socket
from contextlib import ExitStack

from harness import Monitor, check, equal, helper, sh, wait_for
from sockets import end, ends_of

CGROUP = "/sys/fs/cgroup/shop/till"


@check("truth")
def names_of_processes_reach_the_output_harmless():
    names = {b"\x1b[31m\x07\r\nred = x": r"\x1b[31m\x07\x0d\x0ared\x20=\x20x",
             "ééééééé€".encode()[:15]: "".join(rf"\x{byte:02x}" for byte in "ééééééé€".encode()[:15])}
    with Monitor("-i", "0.5") as monitor, ExitStack() as stack:
        for name, shown in names.items():
            holder = stack.enter_context(helper("is_called", name.hex()))
            local = end(("127.0.0.1", int(holder.stdout.readline())))
            flow = monitor.wait_for_flow("the connection", lambda flow: flow.local == local)
            equal(flow.further["comm"], shown, "comm")
            equal(flow["pid"], holder.pid, "pid")
        equal(monitor.stop(), 0, "exit status")
        for line in [line for snapshot in monitor.snapshots for line in snapshot.lines] + monitor.lines:
            assert line.isascii() and (line.isprintable() or not line), repr(line)


def remove_cgroup():
    wait_for("the cgroup to be empty", lambda: not sh(f"cat {CGROUP}/cgroup.procs"))
    sh(f"rmdir {CGROUP} {os.path.dirname(CGROUP)}")


@check("truth", "numbers")
def the_process_behind_a_flow_is_who_connected_or_accepted_or_sent_and_its_cgroup_is_named():
    os.makedirs(CGROUP)
    with ExitStack() as stack:
        stack.callback(remove_cgroup)
        server = stack.enter_context(helper("accepts_in_cgroup", CGROUP))
        monitor = stack.enter_context(Monitor("-i", "0.5"))
        client = stack.enter_context(socket.create_connection(("127.0.0.1", int(server.stdout.readline()))))
        # Neither end ever sends: who connected is known at once, who accepted within five seconds.
        ends = ends_of(client)

        def both_known(flows):
            mine = [flow for flow in flows if flow.ends in (ends, ends[::-1])]
            return len(mine) == 2 and all(flow["pid"] for flow in mine)
        flows = {flow.ends: flow for flow in monitor.wait_for_snapshot("both processes", both_known)}
        active, passive = flows[ends], flows[ends[::-1]]
        equal((active["pid"], active["sendmsg_calls"]), (os.getpid(), 0), "pid that connected, its sends")
        equal((passive["pid"], passive["sendmsg_calls"]), (server.pid, 0), "pid that accepted, its sends")
        equal(passive.further["cgroup_path"], "/shop/till", "path of the cgroup")
        equal(passive["cgroup"], os.stat(CGROUP).st_ino, "id of the cgroup")
        equal(active.further["cgroup_path"], "/", "path of the cgroup of this process")


@check("truth")
def listening_sockets_are_shown_when_asked_for_with_their_queues():
    with socket.create_server(("127.0.0.1", 0), backlog=7) as listener, \
            socket.create_connection(listener.getsockname()), socket.create_connection(listener.getsockname()):
        here = end(listener.getsockname())

        def state(flows):
            return [flow for flow in flows if flow.local == here and flow.state == "LISTEN"]
        with Monitor("-i", "0.5", "--listening") as monitor:
            flow, = state(monitor.wait_for_snapshot("the listening socket", state))
            equal((flow["acceptq"], flow["acceptq_max"], flow["synq"]), (2, 7, 0), "its queues")
            others = [f for f in monitor.next_snapshot() if f.state != "LISTEN"]
            assert others and not any("acceptq" in f.further for f in others), "queues of flows"
            equal(monitor.stop(), 0, "exit status")
        with Monitor("-i", "0.5") as monitor:
            assert not state(monitor.next_snapshot()), "a listening socket that nobody asked for"
            equal(monitor.stop(), 0, "exit status")
