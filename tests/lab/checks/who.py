"""Whose a flow is: process and cgroup; and listening sockets."""
import os
import re
import socket
from contextlib import ExitStack

from harness import KERNEL, LIMIT_S, Monitor, Skipped, check, contains, equal, helper, once_each, run, sh, wait_for
from namespaces import In, Namespaces, in_namespace
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
        in_utf8 = run("-o", "table", "-c", "1", "--columns", "comm,local", "--comm", "ééééééé€", env={"LC_ALL": "C.UTF-8"})
        contains(in_utf8[1], "\nééééééé\\xe2  127.0.0.1:")
        in_ascii = run("-o", "table", "-c", "1", "--columns", "comm,local", "--where", "comm == 'ééééééé€'", env={"LC_ALL": "C"})
        contains(in_ascii[1], "\n" + list(names.values())[1] + "  127.0.0.1:")
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


IPPROTO_MPTCP, AF_RDS, RDS_PORT = 262, 21, 16385


def mptcp_token(namespace):
    """Of the only connection there, as ss has it."""
    shown = in_namespace(namespace, "ss -MniH state established")
    return f"{int(re.search(r'token:([0-9a-f]+)', shown)[1], 16):08x}"


@check("base", "numbers", "newest")
def a_subflow_belongs_to_the_connection_that_ss_says_and_to_the_process_that_holds_it():
    if not os.path.exists("/proc/sys/net/mptcp"):
        assert KERNEL == "5.10", "this kernel has no Multipath TCP (CONFIG_MPTCP)"
        raise Skipped("Debian's 5.10 has no Multipath TCP (CONFIG_MPTCP)")
    sh("modprobe mptcp_diag")
    with ExitStack() as stack:
        stack.enter_context(Namespaces("delay 1ms"))
        sh("ip -n a addr add 10.9.0.11/24 dev veth-a")
        sh("ip -n b neigh replace 10.9.0.11 lladdr 02:00:00:00:00:01 dev veth-b nud permanent")
        for namespace in "ab":
            sh(f"ip -n {namespace} mptcp limits set subflow 1")
        sh("ip -n a mptcp endpoint add 10.9.0.11 dev veth-a subflow")
        server = stack.enter_context(helper("accepts_mptcp", "10.9.0.2", namespace="b"))
        to = "10.9.0.2", int(server.stdout.readline())
        monitors = [stack.enter_context(Monitor("-i", "0.5", "--attach", how)) for how in ("kprobe", "fentry")]
        with In("a"):
            client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP))
        client.connect(to)
        client.sendall(b"x")
        wait_for("the second subflow", lambda: "subflows:1" in in_namespace("a", "ss -MniH state established"))
        expected = {(local, role, pid, mptcp_token(namespace))
                    for namespace, role, pid in (("a", "active", os.getpid()), ("b", "passive", server.pid))
                    for local in (("10.9.0.1", "10.9.0.11") if namespace == "a" else ("10.9.0.2",))}
        for monitor in monitors:
            def subflows(flows):
                return [flow for flow in flows if end(to) in flow.ends]

            def known(flows):
                return len(subflows(flows)) == 4 and all(flow["pid"] for flow in subflows(flows))
            flows = subflows(monitor.wait_for_snapshot("the processes of two subflows", known))
            equal({(flow.local.split(":")[0], flow.further["role"], flow["pid"], flow.further["mptcp"]) for flow in flows},
                  expected, "address, role, process and token")
        client.close()
        equal(server.wait(LIMIT_S), 0, "exit status of who accepted")
        for monitor in monitors:
            def last_records():
                return [flow for flow in once_each(monitor.closed()) if end(to) in flow.ends]
            wait_for("the last records", lambda: len(last_records()) == 4)
            equal({(flow.local.split(":")[0], flow.further["role"], flow["pid"], flow.further["mptcp"])
                   for flow in last_records()}, expected, "the same in last records")
            equal(monitor.stop(), 0, "exit status")


@check("truth", "numbers", "newest")
def a_kernel_thread_owns_what_the_kernel_made_and_no_process_that_makes_use_of_it_does():
    sh("modprobe rds_tcp")
    with ExitStack() as stack:
        stack.enter_context(Namespaces("delay 1ms"))
        monitor = stack.enter_context(Monitor("-i", "0.5"))
        ends = []
        for namespace, address in (("a", "10.9.0.1"), ("b", "10.9.0.2")):
            with In(namespace):
                ends.append(stack.enter_context(socket.socket(AF_RDS, socket.SOCK_SEQPACKET)))
            ends[-1].bind((address, 4000))
        ends[0].sendto(b"question", ends[1].getsockname())
        equal(ends[1].recv(100), b"question", "what came")
        ends[1].sendto(b"answer", ends[0].getsockname())
        equal(ends[0].recv(100), b"answer", "what came")

        def of_rds(flows):
            return [flow for flow in flows if flow.ends[flow.further["role"] == "active"].endswith(f":{RDS_PORT}")]
        flows = of_rds(monitor.wait_for_snapshot(
            "an answer", lambda flows: any(flow.bytes for flow in of_rds(flows) if flow.further["role"] == "passive")))
        for flow in flows:
            if "pid" in flow.further:
                contains(flow.further["comm"], "kworker")
            else:
                equal(flow.further["role"], "passive", "role of one whose process is not known")
        equal(monitor.stop(), 0, "exit status")
