"""Very many connections that last no longer than it takes."""
import socket
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from harness import LIMIT_S, sh, wait_for
from namespaces import nstat
from sockets import end


@dataclass
class ShortConnections:
    """What is known of them by those who held their ends, (local, remote) each. On loopback a port may come again after a
    second.

    The kernel may cut some short: a segment that comes while another CPU puts a connection in the place of its request,
    or TIME_WAIT in the place of a connection, may find neither and is answered by a reset. (Linux mended that in 2025.)
    """
    connected: list
    accepted: list
    resets: int  # how many the kernel sent
    reset_open: int  # ends that a reset found in ESTABLISHED or CLOSE_WAIT, says the kernel

    def both(self):
        return Counter(self.connected) + Counter(self.accepted)


def short_connections(count, size=1000):
    """As fast as it goes: each is opened, used for `size` bytes and closed. Returns when all are gone."""
    connected, accepted, all_gone = [], [], threading.Event()
    # When TIME_WAIT finds no room its connection is forgotten at once, and what comes late is answered by a reset.
    with open("/proc/sys/net/ipv4/tcp_max_tw_buckets", "w") as limit:
        limit.write("1000000")
    before = nstat()
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        listener.settimeout(1)
        address = end(listener.getsockname())

        def serve():
            while not all_gone.is_set():
                with suppress(TimeoutError):
                    sock, peer = listener.accept()
                    accepted.append((address, end(peer)))
                    with sock, suppress(ConnectionError):
                        find_out_when_the_peer_is_gone(sock)
                        while sock.recv(65536):
                            pass
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        for _ in range(count):
            with socket.create_connection(listener.getsockname(), LIMIT_S) as sock:
                connected.append((end(sock.getsockname()), address))
                with suppress(ConnectionError):
                    sock.sendall(b"x" * size)
        wait_for_the_end_of_all_sockets(listener.getsockname()[1])
        all_gone.set()
        server.join(LIMIT_S)
        assert not server.is_alive(), "the server does not end"
    after = nstat()
    resets, reset_open = (after[name] - before[name] for name in ("TcpOutRsts", "TcpEstabResets"))
    assert count - len(accepted) <= resets, f"{len(accepted)} of {count} accepted, with {resets} resets"
    return ShortConnections(connected, accepted, resets, reset_open)


def find_out_when_the_peer_is_gone(sock):
    """By keepalives: a peer that was reset sends nothing any more."""
    sock.settimeout(LIMIT_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 10)):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def wait_for_the_end_of_all_sockets(port):
    """Of that port, but for those in TIME_WAIT and that which listens."""
    def left():
        return sh(f"ss -tanoH state connected exclude time-wait '( sport = :{port} or dport = :{port} )'")
    try:
        # What nobody holds any more may be sent again for two minutes.
        wait_for("the end of all sockets", lambda: not left(), 2 * LIMIT_S)
    except AssertionError as error:
        raise AssertionError(f"{error}; left are:\n{left()}") from None
