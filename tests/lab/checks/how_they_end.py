"""How connections end: each way provoked by real sockets, with what the application was told."""
import csv
import ctypes
import errno
import os
import re
import signal
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager

from harness import BUILD, KERNEL, LIMIT_S, MONITOR, Killed, Monitor, check, equal, once_each, sh, wait_for
from namespaces import In, Namespaces, add_filter, in_namespace, netns_inode, nstat
from sockets import end

LINGER_0 = struct.pack("ii", 1, 0)
TCP_LINGER2, TCP_SYNCNT, TCP_USER_TIMEOUT = 8, 7, 18

libc = ctypes.CDLL(None)


def told(call, *arguments):
    """The name of the error that the application gets."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def told_when_asked(sock):
    """By SO_ERROR, as soon as there is one."""
    return errno.errorcode[wait_for("an error", lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))]


def names(sock):
    """(local, remote), as the monitor shows them."""
    return name(sock.getsockname()), name(sock.getpeername())


def name(address):
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else end(address[:2])


class World:
    """Two namespaces, a and b, and what has ended there."""

    def __init__(self, stack):
        stack.enter_context(Namespaces("delay 1ms"))
        self.stack = stack
        self.inodes = {namespace: netns_inode(namespace) for namespace in "ab"}
        self.expected = {}  # (inode of the namespace, local, remote): (ended, error)
        self.or_else = {}  # the same, for some of these
        self.port = 2000

    def expect(self, namespace, ends, ended, error=None):
        key = (self.inodes[namespace], *ends)
        assert key not in self.expected, key
        self.expected[key] = (ended, error)

    def listener(self, backlog=100, address="10.9.0.2"):
        self.port += 1
        with In("b"):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            return self.stack.enter_context(socket.create_server((address, self.port), family=family, backlog=backlog))

    def client(self, family=socket.AF_INET):
        with In("a"):
            return self.stack.enter_context(socket.socket(family, socket.SOCK_STREAM))

    def pair(self):
        """(client in a, server in b)"""
        listener, client = self.listener(), self.client()
        client.connect(listener.getsockname())
        return client, self.stack.enter_context(listener.accept()[0])

    def expect_both(self, client, server, of_client, of_server):
        """Each: how it ends, and the error."""
        self.expect("a", names(client), *of_client)
        self.expect("b", names(server), *of_server)


def state(namespace, local):
    """As ss shows it; None: there is no such socket."""
    for line in in_namespace(namespace, "ss -tanH").splitlines():
        words = line.split()
        if words[3] == local and words[0] != "LISTEN":
            return words[0]
    return None


def wait_for_state(namespace, sock, wanted):
    local = name(sock.getsockname())
    wait_for(f"{wanted} of {local}", lambda: state(namespace, local) == wanted)


def closes_in_order(world):
    client, server = world.pair()
    world.expect_both(client, server, ("local_close",), ("peer_close",))
    client.close()
    equal(server.recv(1), b"", "end of the stream")
    server.close()
    client, server = world.pair()
    world.expect_both(client, server, ("peer_close",), ("local_close",))
    server.shutdown(socket.SHUT_WR)
    equal(client.recv(1), b"", "end of the stream")
    client.sendall(b"the rest")
    client.close()
    equal(server.recv(10), b"the rest", "data of the half that was open")
    server.close()


@contextmanager
def long_way_from_a():
    in_namespace("a", "tc qdisc change dev veth-a root netem delay 2s")
    try:
        yield
    finally:
        in_namespace("a", "tc qdisc change dev veth-a root netem delay 1ms")


def before_it_arrives(first, second):
    """Whether the second call was over long before a packet of the first has come from a to b: the guest may stand still."""
    began = time.monotonic()
    first()
    second()
    return time.monotonic() - began < 1


def closes_both_at_once(world):
    def crossed():
        client, server = world.pair()
        both = names(client), names(server)
        is_crossed = before_it_arrives(lambda: client.shutdown(socket.SHUT_WR), lambda: server.shutdown(socket.SHUT_WR))
        if is_crossed:
            for namespace, ends in zip("ab", both):
                world.expect(namespace, ends, "simultaneous_close")
        client.close()
        server.close()
        return is_crossed
    with long_way_from_a():
        wait_for("two FINs that cross", crossed)


def resets_by_linger(world):
    client, server = world.pair()
    world.expect_both(client, server, ("reset_received", "ECONNRESET"), ("reset_linger",))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
    server.close()
    equal(told(client.recv, 1), "ECONNRESET", "what recv() is told")
    client, server = world.pair()  # after its FIN
    world.expect_both(client, server, ("reset_received", "EPIPE"), ("reset_linger",))
    server.shutdown(socket.SHUT_WR)
    equal(client.recv(1), b"", "end of the stream")
    wait_for_state("b", server, "FIN-WAIT-2")
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
    server.close()
    equal(told_when_asked(client), "EPIPE", "SO_ERROR")


def resets_with_data_unread(world):
    client, server = world.pair()
    world.expect_both(client, server, ("reset_received", "ECONNRESET"), ("reset_unread",))
    client.sendall(b"never read")
    equal(server.recv(100, socket.MSG_PEEK), b"never read", "data")
    server.close()
    equal(told_when_asked(client), "ECONNRESET", "SO_ERROR")


def sends_to_who_has_closed(world):
    def sent_too_late():
        client, server = world.pair()
        both = names(client), names(server)
        is_too_late = before_it_arrives(client.close, lambda: server.sendall(b"too late"))
        if is_too_late:
            world.expect("a", both[0], "reset_after_close", "ECONNRESET")
            world.expect("b", both[1], "reset_received", "EPIPE")
            equal(told_when_asked(server), "EPIPE", "SO_ERROR")
        return is_too_late
    with long_way_from_a():
        wait_for("data on its way to who has closed", sent_too_late)


def does_not_wait_for_the_peers_fin(world):
    client, server = world.pair()
    world.expect_both(client, server, ("fin_wait2_timeout",), ("reset_received", "EPIPE"))
    client.setsockopt(socket.IPPROTO_TCP, TCP_LINGER2, -1)
    client.shutdown(socket.SHUT_WR)
    wait_for_state("a", client, "FIN-WAIT-2")
    client.close()
    equal(told_when_asked(server), "EPIPE", "SO_ERROR")


def disconnects(world):
    client, server = world.pair()
    world.expect_both(client, server, ("reset_sent",), ("reset_received", "ECONNRESET"))
    equal(libc.connect(client.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16), 0, "connect() to AF_UNSPEC")
    equal(told(server.recv, 1), "ECONNRESET", "what recv() is told")


def is_killed_by_ss(world):
    client, server = world.pair()
    world.expect_both(client, server, ("aborted", "ECONNABORTED"), ("reset_received", "ECONNRESET"))
    in_namespace("a", f"ss -K sport = :{client.getsockname()[1]}")
    equal((told(client.recv, 1), told(server.recv, 1)), ("ECONNABORTED", "ECONNRESET"), "what recv() is told")


def listener_closes(world):
    listener, client = world.listener(), world.client()
    client.connect(listener.getsockname())
    world.expect("a", names(client), "reset_received", "ECONNRESET")
    world.expect("b", names(client)[::-1], "reset_not_accepted")
    wait_for_state("b", listener, "ESTAB")
    listener.close()
    equal(told(client.recv, 1), "ECONNRESET", "what recv() is told")


REJECTIONS = (  # nft's word, how it ends, what the application is told
    ("icmp type port-unreachable", "refused", "ECONNREFUSED"),
    ("icmp type host-unreachable", "unreachable", "EHOSTUNREACH"),
    ("icmp type net-unreachable", "unreachable", "ENETUNREACH"),
    ("icmp type prot-unreachable", "unreachable", "ENOPROTOOPT"),
    ("icmp type net-prohibited", "unreachable", "ENETUNREACH"),
    ("icmp type host-prohibited", "unreachable", "EHOSTUNREACH"),
    ("icmp type admin-prohibited", "unreachable", "EHOSTUNREACH"),
    ("tcp reset", "refused", "ECONNREFUSED"),
    ("icmpv6 type no-route", "unreachable", "ENETUNREACH"),
    ("icmpv6 type admin-prohibited", "unreachable", "EACCES"),
    ("icmpv6 type addr-unreachable", "unreachable", "EHOSTUNREACH"),
    ("icmpv6 type port-unreachable", "refused", "ECONNREFUSED"))


def calls(world, port, from_port, address="10.9.0.2"):
    """A client that is to connect there, and its ends."""
    ipv6 = ":" in address
    client = world.client(socket.AF_INET6 if ipv6 else socket.AF_INET)
    client.bind(("fd09::1" if ipv6 else "10.9.0.1", from_port))
    return client, (name(client.getsockname()), name((address, port)))


def is_turned_away(world):
    for number, (how, ended, error) in enumerate(REJECTIONS):
        port, address = 1000 + number, "fd09::2" if "v6" in how else "10.9.0.2"
        in_namespace("b", f"nft add rule inet lab input tcp dport {port} reject with {how}")
        client, ends = calls(world, port, 3000 + number, address)
        world.expect("a", ends, ended, error)
        equal(told(client.connect, (address, port)), error, f"what connect() is told, {how}")
    client, ends = calls(world, 1, 3100)
    world.expect("a", ends, "refused", "ECONNREFUSED")
    equal(told(client.connect, ("10.9.0.2", 1)), "ECONNREFUSED", "what connect() is told where nobody listens")


def nobody_answers(world):
    """All at the same time, since each waits for a timer."""
    sh("ip netns exec a sysctl -qw net.ipv4.tcp_retries2=2 net.ipv4.tcp_orphan_retries=2")
    user, silent, lost, closed = [world.pair() for _ in range(4)]
    full, full_listener = world.client(), world.listener()
    full.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    full.connect(full_listener.getsockname())
    world.stack.enter_context(full_listener.accept()[0])
    world.expect("a", names(user[0]), "user_timeout", "ETIMEDOUT")
    world.expect("a", names(silent[0]), "keepalive_timeout", "ETIMEDOUT")
    world.expect("a", names(lost[0]), "retransmit_timeout", "ETIMEDOUT")
    world.expect("a", names(full), "probe_timeout", "ETIMEDOUT")
    full.setblocking(False)
    wait_for("a window of 0", lambda: told(full.send, b"x" * 100000) and zero_window(full))
    in_namespace("b", "nft insert rule inet lab input drop")
    user[0].setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 1000)
    user[0].sendall(b"x")
    lost[0].sendall(b"x")
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2)):
        silent[0].setsockopt(socket.IPPROTO_TCP, option, value)
    silent[0].setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    gone = name(closed[0].getsockname())
    world.expect("a", names(closed[0]), "retransmit_timeout", "ETIMEDOUT")
    closed[0].close()  # its FIN is lost
    client, ends = calls(world, 9, 3200)
    client.setsockopt(socket.IPPROTO_TCP, TCP_SYNCNT, 1)
    world.expect("a", ends, "connect_timeout", "ETIMEDOUT")
    equal(told(client.connect, ("10.9.0.2", 9)), "ETIMEDOUT", "what connect() is told when nobody answers")
    client, ends = calls(world, 9, 3201)
    client.setblocking(False)
    world.expect("a", ends, "connect_given_up")
    equal(told(client.connect, ("10.9.0.2", 9)), "EINPROGRESS", "what connect() is told")
    client.close()
    world.expect("a", ("10.9.0.1:3202", "10.9.0.2:9"), "connect_given_up")
    with Killed(sys.executable, "-c", "import socket; socket.create_connection(('10.9.0.2', 9), source_address=('10.9.0.1', 3202))",
                namespace="a"):
        wait_for("its SYN", lambda: state("a", "10.9.0.1:3202") == "SYN-SENT")
    for client in (user[0], silent[0], lost[0], full):
        equal(told_when_asked(client), "ETIMEDOUT", "SO_ERROR")
    wait_for("the end of what was closed", lambda: state("a", gone) is None)
    in_namespace("b", "nft flush chain inet lab input")


def orphans_are_too_many(world):
    """None is allowed: each ends at its close, or when its timer runs out first. Before Linux 5.16 the kernel counts orphans
    roughly: it may let some of a hundred be, and they time out. How many of each, nstat says."""
    pairs = [world.pair() for _ in range(100)]
    in_namespace("b", "nft insert rule inet lab input drop")
    limit = sh("sysctl -n net.ipv4.tcp_max_orphans")
    sh("sysctl -qw net.ipv4.tcp_max_orphans=0")
    try:
        for client, _ in pairs:
            world.expect("a", names(client), "reset_memory")
            if KERNEL == "5.10":
                world.or_else[world.inodes["a"], *names(client)] = ("retransmit_timeout", "ETIMEDOUT")
            client.close()
        wait_for("the end of all", lambda: not in_namespace("a", "ss -tnH state fin-wait-1"))
    finally:
        sh(f"sysctl -qw net.ipv4.tcp_max_orphans={limit}")
    in_namespace("b", "nft flush chain inet lab input")


def zero_window(sock):
    local = name(sock.getsockname())
    return any(local in line for line in in_namespace("a", "ss -tnoH").splitlines() if "timer:(persist" in line)


WAYS = (closes_in_order, closes_both_at_once, resets_by_linger, resets_with_data_unread, sends_to_who_has_closed,
        does_not_wait_for_the_peers_fin, disconnects, is_killed_by_ss, listener_closes, is_turned_away, nobody_answers, orphans_are_too_many)


def endings_by_kernel_counter(records):
    """What nstat must say if `records`, (state before, ended) each, are all that ended: {counter: connections}."""
    def count(*endings):
        return sum(ended in endings for _, ended in records)
    return {
        "TcpAttemptFails": sum(state == "SYN_SENT" and ended != "connect_given_up" for state, ended in records),
        "TcpEstabResets": sum(state in ("ESTABLISHED", "CLOSE_WAIT") for state, _ in records),
        "TcpExtTCPAbortOnClose": count("reset_unread"),
        "TcpExtTCPAbortOnData": count("reset_linger", "reset_after_close"),
        "TcpExtTCPAbortOnTimeout": count("connect_timeout", "retransmit_timeout", "probe_timeout", "keepalive_timeout",
                                         "user_timeout"),
        "TcpExtTCPAbortOnLinger": count("fin_wait2_timeout"),
        "TcpExtTCPAbortOnMemory": count("reset_memory"),
    }


def least_by_kernel_counter(endings):
    """Of counters that count other things too: answers to segments of nobody; time-outs that ended nothing."""
    def count(*which):
        return sum(ended in which for ended in endings)
    return {
        "TcpOutRsts": count("reset_unread", "reset_linger", "reset_not_accepted", "reset_memory", "reset_sent", "aborted", "fin_wait2_timeout"),
        "TcpExtTCPTimeouts": count("connect_timeout", "retransmit_timeout"),
    }


@check("base", "numbers", "newest")
def every_way_to_end_is_told_with_the_error_that_the_application_got():
    with ExitStack() as stack:
        world = World(stack)
        add_filter("b")
        monitors = [stack.enter_context(Monitor("-i", "0.5", "--attach", how)) for how in ("kprobe", "fentry")]
        for way in WAYS:
            way(world)
        for monitor in monitors:
            def last_records():
                return {(flow["netns"], *flow.ends): flow.further for flow in once_each(monitor.closed())}
            wait_for("all last records", lambda: set(world.expected) <= set(last_records()))
            found = last_records()
            wrong = {key: (found[key].get("ended"), found[key].get("error"), expected)
                     for key, expected in world.expected.items()
                     if (found[key].get("ended"), found[key].get("error")) not in (expected, world.or_else.get(key))}
            equal(wrong, {}, "endings: what ended, error, (what was expected)")
            for namespace, inode in world.inodes.items():
                counters = nstat(namespace)
                expected = endings_by_kernel_counter([(further["closed_from"], further["ended"])
                                                      for key, further in found.items() if key[0] == inode])
                equal({name: counters[name] for name in expected}, expected, f"nstat in {namespace}, and last records")
                for name, least in least_by_kernel_counter([further["ended"] for key, further in found.items() if key[0] == inode]).items():
                    assert counters[name] >= least, f"{name} in {namespace}: {counters[name]}, and {least} last records"
            assert nstat("a")["TcpExtTCPAbortOnMemory"] > 0, "memory was never the reason"
            equal(monitor.stop(), 0, "exit status")


ROUTES = "unreachable 192.0.2.1", "prohibit 192.0.2.2", "blackhole 192.0.2.3", "unreachable 2001:db8::1"


def fail_at_once(listener):
    """Connections that fail before there is a SYN: [(local, remote, error)]."""
    for route in ROUTES:
        sh(f"ip -n a route add {route}")
    in_namespace("a", "sysctl -qw net.ipv4.ip_local_port_range='40000 40001'")
    failed = []

    def fail(address, port=80, bound_to=None, ipv6_only=0):
        with In("a"), socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
            if ":" in address:
                client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, ipv6_only)
            if bound_to:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                client.bind(bound_to)
            local = name(client.getsockname())
            failed.append((local, name((address, port)), told(client.connect, (address, port))))
    for address in ("198.51.100.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "224.0.0.1", "2001:db8::1", "2001:db8::2", "::ffff:192.0.2.1"):
        fail(address)
    fail("::ffff:10.9.0.2", ipv6_only=1)
    with ExitStack() as stack, In("a"):
        for bound_to in (None, None, ("10.9.0.1", 41000)):  # all ports there are, and one more
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if bound_to:
                client.bind(bound_to)
            client.connect(listener.getsockname())
        fail(*listener.getsockname())
        fail(*listener.getsockname(), bound_to)
    return failed


@check("base", "numbers", "newest")
def a_connect_that_fails_before_its_syn_is_a_closed_flow_where_that_is_asked_for():
    with Namespaces("delay 1ms"), ExitStack() as stack:
        monitors = [stack.enter_context(Monitor("-i", "0.5", "--attach", how, "--failed-connects")) for how in ("kprobe", "fentry")]
        without = stack.enter_context(Monitor("-i", "0.5"))
        with In("b"):
            listener = stack.enter_context(socket.create_server(("10.9.0.2", 0), backlog=100))
        failed = fail_at_once(listener)
        equal({error for _, _, error in failed},
              {"ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "EADDRNOTAVAIL"}, "what connect() was told")
        for monitor in monitors:
            def found():
                return [(*flow.ends, flow.further["error"]) for flow in monitor.closed()
                        if flow.further["ended"] == "failed_at_once"]
            wait_for("all of them", lambda: len(found()) >= len(failed))
            equal(sorted(found()), sorted(failed), "connections that failed at once")
            one = next(flow for flow in monitor.closed() if flow.further["ended"] == "failed_at_once")
            equal((one["pid"], one.further["closed_from"], one.further["role"], one["netns"]),
                  (os.getpid(), "CLOSE", "active", netns_inode("a")), "process, state before, role, namespace")
            equal(monitor.stop(), 0, "exit status")
        without.next_snapshot()
        equal([flow.line for flow in without.closed() if flow.further["closed_from"] in ("CLOSE", "SYN_SENT")], [],
              "connections that nobody asked for")
        equal(without.stop(), 0, "exit status")


@check("truth", "numbers", "newest")
def what_a_full_accept_queue_drops_is_counted_at_the_listening_socket():
    before = nstat()["TcpExtListenDrops"]
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.create_connection(listener.getsockname()), \
            Monitor("-i", "0.5", "--listening") as monitor, socket.socket() as late:
        here = end(listener.getsockname())
        late.setsockopt(socket.IPPROTO_TCP, TCP_SYNCNT, 1)
        late.bind(("127.0.0.1", 0))
        equal(told(late.connect, listener.getsockname()), "ETIMEDOUT", "what connect() is told")
        dropped = nstat()["TcpExtListenDrops"] - before
        assert dropped > 0, "nothing was dropped"
        flow = monitor.wait_for_flow("the listening socket", lambda flow: flow.local == here and flow["listen_drops"] == dropped)
        by_ss = int(re.search(r",d(\d+)\)", sh(f"ss -tlnmH sport = :{listener.getsockname()[1]}"))[1])
        equal((by_ss, flow["acceptq"]), (dropped, 1), "drops by ss, waiting to be accepted")
        ends = end(late.getsockname()), here
        wait_for("the last record", lambda: [flow for flow in monitor.closed() if flow.ends == ends])
        last, = [flow for flow in monitor.closed() if flow.ends == ends]
        equal((last.further["ended"], last.further["error"]), ("connect_timeout", "ETIMEDOUT"), "how it ended")
        equal(monitor.stop(), 0, "exit status")


ENDS_OF_WAYS = {  # how the client and the server end
    "client_closes": ("local_close", "peer_close"),
    "server_closes": ("peer_close", "local_close"),
    "client_lingers": ("reset_linger", "reset_received"),
    "server_lingers": ("reset_received", "reset_linger"),
    "server_leaves_unread": ("reset_received", "reset_unread"),
    "server_lingers_after_fin": ("reset_received", "reset_linger"),
    "client_disconnects": ("reset_sent", "reset_received"),
    "client_does_not_wait": ("fin_wait2_timeout", "reset_received"),
    "not_accepted": ("reset_received", "reset_not_accepted"),
    "refused": ("refused", None),
}


def ends_expected(line):
    """(ends, ended, error) of both ends of a connection that the program `endings` made."""
    way, client, server, *errors = line.split()
    ends = end(("127.0.0.1", int(client))), end(("127.0.0.1", int(server)))
    told_both = [errno.errorcode[int(error)] if error != "0" else None for error in errors]
    return [(its_ends, ended, error) for its_ends, ended, error in zip((ends, ends[::-1]), ENDS_OF_WAYS[way], told_both) if ended]


@check("truth")
def twenty_thousand_connections_that_end_in_ten_ways_have_their_own_endings():
    with tempfile.NamedTemporaryFile("w+") as output, Killed(MONITOR, "-i", "1", "-o", "csv", "--columns",
                                                            "local,remote,state,ended,error", "--pointers", stdout=output) as monitor:
        wait_for("the first row", lambda: os.path.getsize(output.name))
        lines = sh(f"{BUILD}/endings 20000").splitlines()
        expected = Counter(one for line in lines for one in ends_expected(line))
        def closed():
            with open(output.name) as file:
                return [row for row in csv.DictReader(file) if row["state"] == "CLOSE"]
        wait_for("all last records", lambda: len(closed()) >= expected.total())
        monitor.send_signal(signal.SIGINT)
        equal(monitor.wait(LIMIT_S), 0, "exit status")
        rows = closed()
    found = Counter(((row["local"], row["remote"]), row["ended"], row["error"] or None) for row in rows)
    equal((expected - found, found - expected), (Counter(), Counter()), "endings that lack, and that nobody made")
    assert len({row["sock"] for row in rows}) < len(rows) / 10, "no struct sock was used often"
