"""What the lab's checks share: the monitor as a process, programs beside it, conditions to wait for.

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

from snapshot import Flow, Snapshot, words_of_comment

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(os.path.dirname(HERE), "programs")
BUILD = os.path.dirname(os.environ["TCP_STATS_MONITOR"])
PLACE = "/run/tcp_stats_monitor"
KERNEL = os.environ.get("LAB_KERNEL", "")
HEADERS = os.environ.get("LAB_HEADERS") == "yes"
BANNER = "eBPF loaded. Monitoring TCP flows (by sock pointer). Ctrl-C to exit."
LIMIT_S = 600  # a guest may be one of several on a busy machine, and compile from headers

checks = []


def check(*groups, compiles_here=False):
    """`compiles_here`: what the compiler does as a process, or where it finds its files, is part of the proof; others
    compile outside the guest where they can."""
    def register(function):
        checks.append((set(groups), function, compiles_here))
        return function
    return register


def place_monitor():
    """Where the monitor finds the compiler beside itself, and another program may stand in for that."""
    if not os.path.isdir("/lab/compile"):
        return os.path.join(BUILD, "tcp_stats_monitor")
    os.mkdir(PLACE)
    os.symlink(f"{BUILD}/share", f"{PLACE}/share")  # its catalogues
    for name in ("tcp_stats_monitor", "tcp_stats_compile"):
        open(f"{PLACE}/{name}", "w").close()
        subprocess.run(["mount", "--bind", f"{BUILD}/{name}", f"{PLACE}/{name}"], check=True)
    return f"{PLACE}/tcp_stats_monitor"


def compile_outside(whether):
    """What the monitor takes for the compiler from now on, where there is a choice."""
    stand_in, compiler = f"{BUILD}/compile_outside", f"{PLACE}/tcp_stats_compile"
    if os.path.isdir("/lab/compile") and whether != os.path.samefile(stand_in, compiler):
        subprocess.run(["mount", "--bind", stand_in, compiler] if whether else ["umount", "--lazy", compiler], check=True)


MONITOR = place_monitor()


class Skipped(Exception):
    """Raised by a check that cannot be made here; says which feature is missing."""


def hidden(*paths):
    """A prefix for a command that shall not see these directories."""
    mounts = " && ".join(f"mount -t tmpfs tmpfs {path}" for path in paths)
    return ["unshare", "-m", "sh", "-c", mounts + ' && exec "$@"', "sh"]


def wait_for(what, condition, limit_s=LIMIT_S):
    """The first true value of condition(); fails, naming `what`, when the limit passes. What takes long to look at is not
    looked at all the time: that would slow down what is waited for."""
    end = time.monotonic() + limit_s
    while True:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s} s in vain for {what}")
        time.sleep(min(1, max(0.05, time.monotonic() - began)))


def equal(found, expected, what):
    assert found == expected, f"{what}: {found!r}, expected {expected!r}"


def once_each(flows):
    """The flows; fails where one connection end has more than one record."""
    ends = [(flow["netns"], *flow.ends) for flow in flows]
    equal(len(set(ends)), len(ends), "different connection ends among the last records")
    return flows


def contains(text, part):
    assert part in text, f"{part!r} is not in {text!r}"


def sh(command, **options):
    return subprocess.run(command, shell=True, check=True, text=True, capture_output=True, **options).stdout


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
                current.arrived = time.monotonic()
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

    def nothing_else_was_missed(self):
        """Than calls of kprobes."""
        for snapshot in self.snapshots[:]:
            equal(snapshot.missed_beside_probes, {}, "comment line")

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
        """The first snapshot from now on (after `skip` more) for which condition(flows) is true. Every one is looked at, in
        order: those that come while a slow condition looks at another wait their turn."""
        position = len(self.snapshots) + skip
        end = time.monotonic() + LIMIT_S
        while True:
            ended = self.process.poll() is not None
            while position < len(self.snapshots) and self.snapshots[position].arrived < end:
                flows = self.snapshots[position]
                position += 1
                if condition(flows):
                    return flows
            if self.bad_line:
                raise self.bad_line
            assert not ended, f"the monitor ended: {self.stderr()}"
            assert time.monotonic() < end, f"{LIMIT_S} s of snapshots in vain for {what}"
            time.sleep(0.05)

    def wait_for_flow(self, what, condition):
        """The first flow from now on for which condition(flow) is true."""
        return next(filter(condition, self.wait_for_snapshot(what, lambda flows: any(map(condition, flows)))))

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


def bpf_programs():
    """Those that the kernel holds, as bpftool has them."""
    return json.loads(sh("bpftool --json prog show"))


def bpf_maps(name):
    """Those of that name, whose first 15 letters the kernel keeps."""
    return [table for table in json.loads(sh("bpftool --json map list")) if table.get("name") == name[:15]]


def programs_of_bpf():
    """Ids of the BPF programs that the kernel holds."""
    return {program["id"] for program in bpf_programs()}


def never_called(function):
    """Options for a monitor whose program has no kprobe on that function: the handler there is has another name."""
    return "-D", f"kprobe__{function}=never_called"


def assert_no_kprobe(function):
    hooks = {program.get("name") for program in bpf_programs() if program["type"] == "kprobe"}
    assert hooks and function[:15] not in hooks, f"{function} has a hook: {hooks}"


def within(namespace):
    """A prefix for a command that shall run in it."""
    return ["ip", "netns", "exec", namespace] if namespace else []


class Killed:
    """A process that ends with the block, however that ends."""

    def __init__(self, *command, namespace=None, **options):
        self.process = subprocess.Popen([*within(namespace), *map(str, command)], **options)

    def __enter__(self):
        return self.process

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


def helper(name, *arguments, namespace=None, **options):
    """A Python program of tests/lab/programs; what it says can be read."""
    return Killed("/usr/bin/python3", f"{PROGRAMS}/{name}.py", *arguments, namespace=namespace, stdout=subprocess.PIPE, text=True,
                  **options)
