"""What is made of two snapshots: what limits a flow, and rates."""
from contextlib import ExitStack

from harness import Monitor, check, helper, sh
from namespaces import Namespaces, wait_for_listener
from sockets import connected, drain, ends_of


def flow_of(flows, port):
    """The sending end of the connection to that port, once it can be said what limits it."""
    mine = [flow for flow in flows if flow.remote.endswith(f":{port}") and "limit" in flow.further and flow.bytes > 1000]
    return mine[0] if mine else None


@check("truth")
def the_limit_of_each_flow_is_named():
    flows = {"app": (7001, "fast", 2000, 0.25, 0, ""), "rwnd": (7002, "slow", 100000, 0, 0, ""),
             "sndbuf": (7003, "fast", 100000, 0, 5000, ""), "loss": (7004, "fast", 100000, 0, 0, "loss 30%"),
             "cwnd": (7005, "fast", 100000, 0, 0, "rate 20mbit")}
    with Namespaces("delay 20ms"), Monitor("-i", "3") as monitor, ExitStack() as stack:
        for port, read, *_ in flows.values():
            stack.enter_context(helper("reads", port, read, namespace="b"))
            wait_for_listener("b", port)
        for limit, (port, _, size, pause, buffer, netem) in flows.items():
            sh(f"ip netns exec a tc qdisc replace dev veth-a root netem delay 20ms limit 100000 {netem}")

            def named(snapshot):
                flow = flow_of(snapshot, port)
                return flow and flow.further["limit"] == limit and flow["limit_pct"] >= 50
            with helper("sends", "10.9.0.2", port, size, pause, buffer, namespace="a"):
                monitor.wait_for_snapshot(f"limit={limit}", named)
            for flow in filter(None, (flow_of(snapshot, port) for snapshot in monitor.snapshots[:])):
                shares = sum(flow[name] for name in ("app_pct", "cwnd_pct", "rwnd_pct", "sndbuf_pct", "loss_pct"))
                assert 97 <= shares <= 103, flow.line


@check("truth")
def rates_are_over_the_time_that_passed_and_absent_at_first_sight():
    with Monitor("-i", "1") as monitor:
        client, server = connected()
        with client, server:
            ends = ends_of(client)
            drain(server)

            def mine(flows):
                return [flow for flow in flows if flow.ends == ends]
            first, = mine(monitor.wait_for_snapshot("the connection", mine))
            assert "bytes_per_s" not in first.further and "limit" not in first.further, first.line
            client.sendall(b"x" * 1000000)
            monitor.wait_for_snapshot("the bytes", lambda flows: mine(flows) and mine(flows)[0].bytes == 1000000)
            monitor.next_snapshot()
            seen = [mine(flows)[0] for flows in monitor.snapshots if mine(flows)]
            moved = sum(float(flow.further["bytes_per_s"]) * (flow["duration_ms"] - before["duration_ms"]) / 1000
                        for before, flow in zip(seen, seen[1:]))
            assert abs(moved - 1000000) < 10000, f"rates times times make {moved} bytes"
