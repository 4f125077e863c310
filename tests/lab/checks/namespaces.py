"""Two hosts in one: network namespaces, and what the kernel's own tools say of them."""
import ctypes
import json
import os

from harness import sh, wait_for

CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None)


class Namespaces:
    """Two network namespaces, a and b, joined by veth, with delay and loss from a to b. They know each other's link
    address: a lost ARP or neighbour request would end a connect() with EHOSTUNREACH."""

    def __init__(self, netem="delay 20ms loss 5%"):
        sh("ip netns add a && ip netns add b")
        sh("ip link add veth-a netns a address 02:00:00:00:00:01 type veth "
           "peer name veth-b netns b address 02:00:00:00:00:02")
        for name, number, peer in (("a", 1, 2), ("b", 2, 1)):
            commands = ["link set lo up", f"addr add 10.9.0.{number}/24 dev veth-{name}",
                        f"addr add fd09::{number}/64 dev veth-{name} nodad", f"link set veth-{name} up"]
            commands += [f"neigh replace {address} lladdr 02:00:00:00:00:0{peer} dev veth-{name} nud permanent"
                         for address in (f"10.9.0.{peer}", f"fd09::{peer}")]
            sh(f"ip -n {name} -batch -", input="\n".join(commands))
        sh(f"tc -n a qdisc add dev veth-a root netem {netem}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        sh("ip netns del a; ip netns del b")


class In:
    """This thread makes its sockets in that namespace."""

    def __init__(self, namespace):
        self.namespace = namespace

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY)
        assert libc.setns(there, CLONE_NEWNET) == 0
        os.close(there)

    def __exit__(self, *_):
        assert libc.setns(self.home, CLONE_NEWNET) == 0
        os.close(self.home)


def add_filter(namespace):
    """The chain `inet lab input` of nftables: rules for what comes in."""
    sh("modprobe nft_reject_inet")
    in_namespace(namespace, "nft add table inet lab")
    in_namespace(namespace, "nft add chain inet lab input '{ type filter hook input priority 0; }'")


def in_namespace(namespace, command):
    return sh(f"ip netns exec {namespace} {command}")


def wait_for_listener(namespace, port):
    wait_for(f"a listener on port {port}", lambda: f":{port} " in in_namespace(namespace, "ss -ltnH"))


def netns_inode(namespace):
    return int(in_namespace(namespace, "stat -L -c %i /proc/self/ns/net"))


def nstat(namespace=None):
    """The counters of that namespace, since it was made; without one, of this."""
    command = "nstat -asz -j"
    return json.loads(in_namespace(namespace, command) if namespace else sh(command))["kernel"]


def ss(namespace, state="established"):
    """(local, remote) of each connection in that state, as ss(8) shows them."""
    lines = sh(f"ip netns exec {namespace} ss -tnH state {state}").splitlines()
    return {tuple(line.split()[2:4]) for line in lines}
