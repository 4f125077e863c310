"""The monitor's lines, read."""
import re
from functools import cached_property

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
        self.words = match["further"]
        assert not self.local.endswith(":0") or " ended=failed_at_once " in self.words, f"no local port: {line!r}"

    @cached_property
    def further(self):
        """name: value of what stands at the end of the line."""
        return dict(pair.split("=", 1) for pair in self.words.split())

    def __getitem__(self, name):
        """A number by its key in the line; None where the line lacks it."""
        return int(self.further[name]) if name in self.further else None


class Snapshot:
    """The flows of one snapshot. Its lines are read when someone looks: there may be very many."""

    def __init__(self):
        self.lines = []
        self.missed = {}  # what its comment line says
        self.arrived = None  # when it was complete
        self.flows = None

    def __iter__(self):
        if self.flows is None:
            self.flows = [Flow(line) for line in self.lines]
        return iter(self.flows)

    def __len__(self):
        return len(self.lines)

    def __getitem__(self, index):
        return list(self)[index]

    @property
    def missed_beside_probes(self):
        return beside_probes(self.missed)


def beside_probes(missed):
    """What was missed, but for kprobes: the kernel does not call one now and then, and that is said; the numbers must be exact
    all the same."""
    return {name: count for name, count in missed.items() if name != "probe_missed"}


def totals(flows, *names):
    return {name: sum(flow[name] for flow in flows) for name in names}
