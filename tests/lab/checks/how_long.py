"""How long a handshake took, and how long a connection has been in its state."""
import socket
import time

from harness import Monitor, check, equal, wait_for
from namespaces import In, Namespaces, add_filter, in_namespace, nstat
from sockets import connected, ends_of

DELAY_MS = 100  # of each packet of the client


def connect(to):
    """(client, time around connect() in us)"""
    with In("a"):
        client = socket.socket()
    began = time.monotonic_ns()
    client.connect(to)
    return client, (time.monotonic_ns() - began) // 1000


def flows_of(monitor, client):
    """Those of both ends, the client's first."""
    ends = ends_of(client)

    def both(flows):
        found = {flow.ends: flow for flow in flows if flow.state == "ESTABLISHED"}
        return [found[one] for one in (ends, ends[::-1])] if {ends, ends[::-1]} <= set(found) else None
    return both(monitor.wait_for_snapshot("both ends", both))


@check("base", "numbers", "newest")
def the_time_of_a_handshake_is_what_the_application_waits_for():
    with Namespaces(f"delay {DELAY_MS}ms"), Monitor("-i", "0.2") as monitor:
        with In("b"):
            listener = socket.create_server(("10.9.0.2", 5000))
        with listener:
            def one_connection():
                """Whether the application had no time of its own to speak of: 5 ms."""
                client, waited_us = connect(listener.getsockname())
                with client, listener.accept()[0]:
                    active, passive = flows_of(monitor, client)
                assert DELAY_MS * 1000 <= active["connect_us"] <= waited_us, f"{waited_us} us around connect(): {active.line}"
                if passive["retr_syn"]:  # the guest stood still: SYN-ACKs were sent again
                    return False
                # It is the first round trip that the accepting end knows, less what the SYN took.
                assert passive["connect_us"] >= DELAY_MS * 1000, passive.line
                return waited_us - active["connect_us"] < 5000 and passive["connect_us"] < DELAY_MS * 1000 + 5000
            wait_for("a connect() that does nothing but wait", one_connection)

            add_filter("b")
            in_namespace("b", "nft add rule inet lab input drop")
            with In("a"):
                client = socket.socket()
            client.setblocking(False)
            began = time.monotonic_ns()
            client.connect_ex(listener.getsockname())
            monitor.wait_for_flow("a SYN sent again", lambda flow: flow.state == "SYN_SENT" and flow["retr_syn"] > 0)
            in_namespace("b", "nft delete table inet lab")
            client.setblocking(True)
            with client, listener.accept()[0]:
                active, passive = flows_of(monitor, client)
                waited_us = (time.monotonic_ns() - began) // 1000
            assert 1000000 <= active["connect_us"] <= waited_us, f"{waited_us} us since connect(): {active.line}"
            assert passive["retr_syn"] or passive["connect_us"] < active["connect_us"], passive.line

            # The last ACK does not arrive, and SYN-ACKs are sent again: over IPv4, IPv6, and IPv4 on an IPv6 socket.
            for namespace, host, address in (("a", "10.9.0.2", "10.9.0.2"), ("a", "fd09::2", "fd09::2"), ("a", "10.9.0.2", "::"),
                                             ("b", "::1", "::")):
                with In("b"):
                    again = socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                                                 dualstack_ipv6=address == "::")
                with again:
                    port = again.getsockname()[1]
                    add_filter("b")
                    in_namespace("b", f"nft add rule inet lab input tcp dport {port} tcp flags == ack drop")
                    with In(namespace):
                        client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
                    before = nstat("b")["TcpExtTCPSynRetrans"]
                    began_us = time.monotonic_ns() // 1000
                    client.connect((host, port))
                    synack_us = time.monotonic_ns() // 1000  # it has come by now
                    wait_for("SYN-ACKs sent again", lambda: nstat("b")["TcpExtTCPSynRetrans"] - before >= 2)
                    dropped_until = time.monotonic_ns() // 1000
                    in_namespace("b", "nft delete table inet lab")
                    client.sendall(b"x")
                    with client, again.accept()[0]:
                        flow = monitor.wait_for_flow("the end that accepted", lambda flow: flow.local.endswith(f":{port}")
                                                     and flow.state == "ESTABLISHED" and flow.further.get("role") == "passive")
                        until = time.monotonic_ns() // 1000
                    assert flow["retr_syn"] >= 1, flow.line
                    assert dropped_until - synack_us <= flow["connect_us"] <= until - began_us, \
                        f"{dropped_until - synack_us} to {until - began_us} us: {flow.line}"
        equal(monitor.stop(), 0, "exit status")


@check("base", "numbers", "newest")
def the_time_in_a_state_is_known_and_of_an_older_close_wait_at_least_the_time_since_the_last_segment():
    ms, tick_ms = 1e3, 10  # a tick at most, at 100 Hz
    client, server = connected()
    with client:
        before_fin = time.monotonic()
        server.close()
        equal(client.recv(1), b"", "end of the stream")
        after_fin = time.monotonic()
        newer, newer_server = connected()
        with Monitor("-i", "0.2") as monitor, newer:
            def leaks(sock):
                return lambda flow: flow.ends == ends_of(sock) and flow.state == "CLOSE_WAIT"
            assert all("state_ms" not in flow.further for flow in monitor.next_snapshot() if flow.state == "ESTABLISHED"), \
                "time in a state that began before the monitor"
            before_second = time.monotonic()
            newer_server.close()
            equal(newer.recv(1), b"", "end of the stream")
            after_second = time.monotonic()
            for sock, began, known in ((client, before_fin, after_fin), (newer, before_second, after_second)):
                asked = time.monotonic()
                monitor.next_snapshot()
                flow = monitor.wait_for_flow("a second in CLOSE_WAIT", lambda flow: leaks(sock)(flow) and flow["state_ms"] >= 1000)
                least, most = (asked - known) * ms - tick_ms, (time.monotonic() - began) * ms + tick_ms
                assert least <= flow["state_ms"] <= most, f"between {least} and {most} ms: {flow.line}"
            ends = ends_of(newer)
            before_close = time.monotonic()
            newer.close()
            wait_for("its last record", lambda: [flow for flow in monitor.closed() if flow.ends == ends])
            last, = [flow for flow in monitor.closed() if flow.ends == ends]
            # It is the time in LAST_ACK, in which a FIN on loopback waits for no more than its acknowledgement.
            equal(last.further["closed_from"], "LAST_ACK", "state before")
            assert last["state_ms"] <= (time.monotonic() - before_close) * ms + tick_ms, last.line
            equal(monitor.stop(), 0, "exit status")
