"""Very many connections that last no longer than it takes."""
import socket
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from harness import LIMIT_S, nstat, sh, wait_for


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

    def both(self):
        return Counter(self.connected) + Counter(self.accepted)


def short_connections(count, size=1000):
    """As fast as it goes: each is opened, used for `size` bytes and closed. Returns when all are gone."""
    connected, accepted, all_gone = [], [], threading.Event()
    # When TIME_WAIT finds no room its connection is forgotten at once, and what comes late is answered by a reset.
    with open("/proc/sys/net/ipv4/tcp_max_tw_buckets", "w") as limit:
        limit.write("1000000")
    resets = nstat()["TcpOutRsts"]
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        listener.settimeout(1)
        address = "%s:%d" % listener.getsockname()

        def serve():
            while not all_gone.is_set():
                with suppress(TimeoutError):
                    sock, peer = listener.accept()
                    accepted.append((address, "%s:%d" % peer))
                    with sock, suppress(ConnectionError):
                        sock.settimeout(60)  # a client that was reset sends nothing
                        while sock.recv(65536):
                            pass
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        for _ in range(count):
            with socket.create_connection(listener.getsockname(), LIMIT_S) as sock:
                connected.append(("%s:%d" % sock.getsockname(), address))
                with suppress(ConnectionError):
                    sock.sendall(b"x" * size)
        port = address.rpartition(":")[2]
        wait_for("the end of all sockets", lambda: is_gone(port))
        all_gone.set()
        server.join(LIMIT_S)
        assert not server.is_alive(), "the server does not end"
    resets = nstat()["TcpOutRsts"] - resets
    assert count - len(accepted) <= resets, f"{len(accepted)} of {count} accepted, with {resets} resets"
    return ShortConnections(connected, accepted, resets)


def is_gone(port):
    """Whether no socket of that port is left but those in TIME_WAIT, and that which listens."""
    states = {line.split()[0] for line in sh(f"ss -tanH '( sport = :{port} or dport = :{port} )'").splitlines()}
    return states <= {"TIME-WAIT", "LISTEN"}
