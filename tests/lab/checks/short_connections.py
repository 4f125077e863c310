"""Very many connections that last no longer than it takes."""
import subprocess
from collections import Counter
from dataclasses import dataclass

from harness import BUILD, LIMIT_S, Killed, equal, sh, wait_for, within
from namespaces import nstat


@dataclass
class ShortConnections:
    """What is known of them by those who held their ends, (local, remote) each. On loopback a port may come again after a
    second.

    The kernel may cut some short: a segment that comes while another CPU puts a connection in the place of its request,
    or TIME_WAIT in the place of a connection, may find neither and is answered by a reset. (Linux mended that in 2025.)
    """
    pid: int  # of the process that held all ends
    connected: list
    accepted: list
    resets: int  # how many the kernel sent
    reset_open: int  # ends that a reset found in ESTABLISHED or CLOSE_WAIT, says the kernel

    def both(self):
        return Counter(self.connected) + Counter(self.accepted)


def short_connections(count, size=1000, names=0, namespace=None):
    """As fast as it goes: each is opened, used for `size` bytes and closed, by a process of so many names (0: its own).
    Returns when all are gone."""
    # When TIME_WAIT finds no room its connection is forgotten at once, and what comes late is answered by a reset.
    with open("/proc/sys/net/ipv4/tcp_max_tw_buckets", "w") as limit:
        limit.write("1000000")
    before = nstat(namespace)
    with Killed(f"{BUILD}/short_connections", count, size, names, namespace=namespace, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True) as process:
        address, = ends(process)
        clients = ends(process)
        wait_for_the_end_of_all_sockets(address.split(":")[1], namespace)
        process.stdin.close()
        accepted = ends(process)
        equal(process.wait(LIMIT_S), 0, "exit status of short_connections")
    after = nstat(namespace)
    resets, reset_open = (after[name] - before[name] for name in ("TcpOutRsts", "TcpEstabResets"))
    equal(len(clients), count, "connections")
    assert count - len(accepted) <= resets, f"{len(accepted)} of {count} accepted, with {resets} resets"
    return ShortConnections(process.pid, [(client, address) for client in clients], [(address, peer) for peer in accepted],
                            resets, reset_open)


def ends(process):
    """As the monitor shows them: what a line says of ports."""
    return [f"127.0.0.1:{port}" for port in process.stdout.readline().split()]


def wait_for_the_end_of_all_sockets(port, namespace=None):
    """Of that port, but for those in TIME_WAIT and that which listens."""
    def left():
        return sh(" ".join(within(namespace)) +
                  f" ss -tanoH state connected exclude time-wait '( sport = :{port} or dport = :{port} )'")
    try:
        # What nobody holds any more may be sent again for two minutes.
        wait_for("the end of all sockets", lambda: not left(), 2 * LIMIT_S)
    except AssertionError as error:
        raise AssertionError(f"{error}; left are:\n{left()}") from None
