"""What the lab's checks share: the monitor as a process, snapshots, namespaces, conditions to wait for.

A check is a function with the decorator @check("group", …); its name is the sentence it proves.
It waits for conditions, with a generous limit: the machine is slow and shared.
"""
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(os.path.dirname(HERE), "programs")
MONITOR = os.environ["TCP_STATS_MONITOR"]
KERNEL = os.environ.get("LAB_KERNEL", "")
HEADERS = os.environ.get("LAB_HEADERS") == "yes"
BANNER = "eBPF loaded. Monitoring TCP flows (by sock pointer). Ctrl-C to exit."
LIMIT_S = 180

checks = []


def check(*groups):
    def register(function):
        checks.append((set(groups), function))
        return function
    return register


class Skipped(Exception):
    """Raised by a check that cannot be made here; says which feature is missing."""


def hidden(*paths):
    """A prefix for a command that shall not see these directories."""
    mounts = " && ".join(f"mount -t tmpfs tmpfs {path}" for path in paths)
    return ["unshare", "-m", "sh", "-c", mounts + ' && exec "$@"', "sh"]


def wait_for(what, condition, limit_s=LIMIT_S):
    """The first true value of condition(); fails, naming `what`, when the limit passes."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s} s in vain for {what}")
        time.sleep(0.05)


def equal(found, expected, what):
    assert found == expected, f"{what}: {found!r}, expected {expected!r}"


def contains(text, part):
    assert part in text, f"{part!r} is not in {text!r}"


def sh(command, **options):
    return subprocess.run(command, shell=True, check=True, text=True, capture_output=True, **options).stdout


LINE = re.compile(
    r"sock=0x(?P<sock>[0-9a-f]+) (?P<local>\S+) -> (?P<remote>\S+) proto=(?P<proto>\d+) pkts=(?P<pkts>\d+) "
    r"bytes=(?P<bytes>\d+) retr=(?P<retr>\d+) RTT=(?P<rtt>\d+\.\d{3})ms \(srtt_raw=(?P<srtt_raw>\d+)\) "
    r"srtt_ms=(?P<srtt_ms>\d+\.\d{3})ms CWND=(?P<cwnd>\d+) MSS state=(?P<state>\S+) last_seen_ns=(?P<seen>\d+)"
    r"(?P<further>( [a-z_0-9]+=\S*)*)$")


def words_of_comment(line):
    """`# name=count …`"""
    return {name: int(count) for name, count in (pair.split("=") for pair in line[1:].split())}


class Flow:
    def __init__(self, line):
        match = LINE.match(line)
        assert match, f"not a line of the contract: {line!r}"
        self.line = line
        self.sock, self.local, self.remote = match["sock"], match["local"], match["remote"]
        self.ends = (self.local, self.remote)
        self.pkts, self.bytes, self.retr = int(match["pkts"]), int(match["bytes"]), int(match["retr"])
        self.rtt_us = round(float(match["rtt"]) * 1000)
        self.srtt_raw, self.cwnd, self.seen_ns = int(match["srtt_raw"]), int(match["cwnd"]), int(match["seen"])
        self.state = match["state"]
        assert not self.local.endswith(":0"), f"no local port: {line!r}"
        self.further = dict(pair.split("=", 1) for pair in match["further"].split())

    def __getitem__(self, name):
        """A number by its key in the line; None where the line lacks it."""
        return int(self.further[name]) if name in self.further else None


class Snapshot:
    """The flows of one snapshot. Its lines are read when someone looks: there may be very many."""

    def __init__(self):
        self.lines = []
        self.missed = {}  # what its comment line says
        self.flows = None

    def __iter__(self):
        if self.flows is None:
            self.flows = [Flow(line) for line in self.lines]
        return iter(self.flows)

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        return list(self)[index]


class Monitor:
    """The monitor, running; its snapshots as they come."""

    def __init__(self, *options, prefix=(), banner=True, env=None):
        self.stderr_file = tempfile.TemporaryFile("a+")
        self.process = subprocess.Popen([*prefix, MONITOR, *options], stdout=subprocess.PIPE, stderr=self.stderr_file,
                                        text=True, env=dict(os.environ, **(env or {})))
        self.lines = []  # without those of flows
        self.snapshots = []  # complete ones
        self.closed_flows = []  # last records so far, in order
        self.bad_line = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if banner:
            self.wait_for_banner()

    def _read(self):
        try:
            self._collect()
        except AssertionError as error:
            self.bad_line = error

    def _collect(self):
        current = None

        def complete():
            if current is not None:
                self.closed_flows.extend(Flow(line) for line in current.lines if " state=CLOSE " in line)
                self.snapshots.append(current)
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line.startswith("[snapshot]"):
                complete()
                current = Snapshot()
            elif line.startswith("sock="):
                current.lines.append(line)
                continue
            elif line.startswith("#"):
                current.missed.update(words_of_comment(line))
            self.lines.append(line)
        complete()

    def missed(self, name):
        """How often, all snapshots together."""
        return sum(snapshot.missed.get(name, 0) for snapshot in self.snapshots[:])

    def closed(self):
        """Last records of closed flows so far, in order."""
        return self.closed_flows[:]

    def wait_for_banner(self):
        wait_for("the banner", lambda: self.lines or self.process.poll() is not None)
        assert self.lines, f"the monitor ended with {self.process.poll()}: {self.stderr()}"
        equal(self.lines[0], BANNER, "first line")

    def next_snapshot(self):
        """A complete snapshot that began after this call: one may be on its way through the pipe by now, and the next
        one wait to be written to it."""
        return self.wait_for_snapshot("a snapshot", lambda flows: True, skip=2)

    def wait_for_snapshot(self, what, condition, skip=0):
        """The first snapshot from now on (after `skip` more) for which condition(flows) is true."""
        position = len(self.snapshots) + skip

        def look():
            nonlocal position
            if position < len(self.snapshots):  # the newest: a condition may be slower than snapshots come
                position = len(self.snapshots)
                flows = self.snapshots[position - 1]
                if condition(flows):
                    return [flows]
            if self.bad_line:
                raise self.bad_line
            assert self.process.poll() is None, f"the monitor ended: {self.stderr()}"
            return None
        return wait_for(what, look)[0]

    def stop(self, with_signal=signal.SIGINT):
        """Its exit status after the signal."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        status = self.process.wait(LIMIT_S)
        self.reader.join(LIMIT_S)
        return status

    def stderr(self):
        self.stderr_file.seek(0)
        return self.stderr_file.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def run(*options, prefix=(), env=None, **more):
    """The monitor run to its end: (status, stdout, stderr)."""
    done = subprocess.run([*prefix, MONITOR, *options], text=True, capture_output=True, timeout=LIMIT_S,
                          env=dict(os.environ, **(env or {})), **more)
    return done.returncode, done.stdout, done.stderr


def bcc_version():
    """Of the libbcc that the monitor was built with."""
    return tuple(int(part) for part in re.search(r"libbcc (\d+)\.(\d+)", run("--version")[1]).groups())


def programs_of_bpf():
    """Ids of the BPF programs that the kernel holds."""
    return {program["id"] for program in json.loads(sh("bpftool --json prog show"))}


class Killed:
    """A process that ends with the block, however that ends."""

    def __init__(self, *command, **options):
        self.process = subprocess.Popen(command, **options)

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Namespaces:
    """Two network namespaces, a and b, joined by veth, with delay and loss from a to b. They know each other's link
    address: a lost ARP or neighbour request would end a connect() with EHOSTUNREACH."""

    def __init__(self, netem="delay 20ms loss 5%"):
        ends = (("a", 1, "b", 2), ("b", 2, "a", 1))
        for name in ("a", "b"):
            sh(f"ip netns add {name} && ip -n {name} link set lo up")
        sh("ip link add veth-a netns a address 02:00:00:00:00:01 type veth "
           "peer name veth-b netns b address 02:00:00:00:00:02")
        for name, number, _, peer in ends:
            sh(f"ip -n {name} addr add 10.9.0.{number}/24 dev veth-{name} && "
               f"ip -n {name} addr add fd09::{number}/64 dev veth-{name} nodad && ip -n {name} link set veth-{name} up")
            for address in (f"10.9.0.{peer}", f"fd09::{peer}"):
                sh(f"ip -n {name} neigh replace {address} lladdr 02:00:00:00:00:0{peer} dev veth-{name} nud permanent")
        sh(f"ip netns exec a tc qdisc add dev veth-a root netem {netem}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        sh("ip netns del a; ip netns del b")


def in_namespace(namespace, command):
    return sh(f"ip netns exec {namespace} {command}")


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
