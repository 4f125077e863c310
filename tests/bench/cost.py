"""Runs inside the lab, see `cost`."""
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab", "checks"))

from harness import MONITOR, compile_outside  # noqa: E402
from short_connections import short_connections  # noqa: E402

FLOWS, ROUNDS = map(int, sys.argv[1:])
BATCHES = 20  # the quietest counts: other things run on the machine
SENDS = 1000
PASSES = 5  # snapshots that are looked at
PROCESSES, NAMESPACES = 5000 * FLOWS // 4000, 100 * FLOWS // 4000
HOOKS = {
    "original program, kprobe": [MONITOR, "-i", "1000", "--src", "tests/lab/programs/original.c"],
    "tcp_stats_monitor, kprobe": [MONITOR, "-i", "1000", "--attach", "kprobe"],
    "look-up and add alone, kprobe": [MONITOR, "-i", "1000", "--src", "tests/bench/programs/look_up_and_add.c"],
    "the same per CPU, kprobe": [MONITOR, "-i", "1000", "-D", "PER_CPU", "--src",
                                 "tests/bench/programs/look_up_and_add.c"],
    "tcp_stats_monitor, fentry": [MONITOR, "-i", "1000", "--attach", "fentry"],
    "look-up and add alone, fentry": [MONITOR, "-i", "1000", "--attach", "fentry", "--src",
                                      "tests/bench/programs/look_up_and_add.c"],
    "bpftrace, kprobe": ["bpftrace", "-B", "line", "tests/bench/startup.bt"],
}


def first_snapshot(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if line.startswith("[snapshot]"):
            return process
    sys.exit(f"no snapshot from {command}")


def send_hooks():
    """Runs and time of each loaded program, by id."""
    programs = json.loads(subprocess.run(["bpftool", "--json", "prog", "show"], capture_output=True, check=True).stdout)
    return {program["id"]: (program.get("run_cnt", 0), program.get("run_time_ns", 0)) for program in programs}


def cost_per_send_ns(command):
    process = first_snapshot(command)
    drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    batches = []
    for _ in range(BATCHES):
        before = send_hooks()
        for _ in range(SENDS):
            client.send(b"x")
            server.recv(100)
        after = send_hooks()
        runs, time_ns = max((after[id][0] - before.get(id, (0, 0))[0], after[id][1] - before.get(id, (0, 0))[1])
                            for id in after)
        assert runs >= SENDS, runs
        batches.append(time_ns / runs)
    process.kill()
    process.wait()
    drain.wait()
    return min(batches)


def children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu_s(commands):
    before = children_cpu_s()
    for command in commands:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return children_cpu_s() - before


def show(title, unit, scale, results):
    """The medians of rounds, with the least and the most."""
    print(f"{title:30} {'median':>10} {'(least - most)':>19} {'ratio':>7}   (to the first)")
    first = statistics.median(next(iter(results.values())))
    for name, values in results.items():
        median = statistics.median(values)
        spread = f"({min(values) * scale:.1f} - {max(values) * scale:.1f})"
        print(f"{name:30} {median * scale:7.1f} {unit} {spread:>19} {median / first:7.2f}", flush=True)


def cpu_per_snapshot_s(name):
    """The difference of many snapshots and few, so that the start does not count."""
    few, many, commands = SNAPSHOTS[name]
    return (cpu_s(commands(many)) - cpu_s(commands(few))) / (many - few)


def ours(*options):
    return 2, 42, lambda count: [[MONITOR, "-i", "0.01", "-c", str(count), *options]]


def cpu_with_the_originals_program_s(command):
    """Per snapshot, once it shows all sockets: that program knows one only once it saw that something was sent on it."""
    process = first_snapshot(command)
    snapshots, shown, began_s = 0, 0, None
    for line in process.stdout:
        if not line.startswith("[snapshot]"):
            shown += line.startswith("sock=")
            continue
        if began_s is not None:
            snapshots += 1
            if snapshots == PASSES:
                break
        elif shown >= len(socks):
            began_s = on_cpu_s(process.pid)
        else:  # once more: the kernel may leave a call of a kprobe out
            for sock in socks:
                sock.send(b"x")
        shown = 0
    spent_s = on_cpu_s(process.pid) - began_s
    process.kill()
    process.wait()
    return spent_s / PASSES


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


def on_cpu_s(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def crowded():
    """Processes that do nothing, and namespaces without a connection; until they are killed."""
    for number in range(NAMESPACES):
        subprocess.run(["ip", "netns", "add", f"crowd{number}"], check=True)
    return subprocess.Popen(["sh", "-c", f"for i in $(seq {PROCESSES}); do sleep 100000 & done; echo all there; wait"],
                            stdout=subprocess.PIPE, process_group=0)


compile_outside(True)
subprocess.run(["sysctl", "-q", "-w", "kernel.bpf_stats_enabled=1"], check=True)
costs = {name: [] for name in HOOKS}
for _ in range(ROUNDS):
    for name, command in HOOKS.items():
        costs[name].append(cost_per_send_ns(command))
show("time in the hook, per send", "ns", 1, costs)
subprocess.run(["sysctl", "-q", "-w", "kernel.bpf_stats_enabled=0"], check=True)

resource.setrlimit(resource.RLIMIT_NOFILE, (100000, 100000))
socks = []
with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
    for _ in range(FLOWS // 2):
        socks.append(socket.create_connection(listener.getsockname()))
        socks.append(listener.accept()[0])
SNAPSHOTS = {
    "ss -tinO": (0, 10, lambda count: [["ss", "-tinO"]] * count),
    "line": ours(),
    "json": ours("-o", "json"),
    "csv": ours("-o", "csv"),
    "table": ours("-o", "table"),
    "table --top 20": ours("-o", "table", "--top", "20"),
}
taken = {name: [] for name in SNAPSHOTS}
for _ in range(ROUNDS):
    for name in SNAPSHOTS:
        taken[name].append(cpu_per_snapshot_s(name))
show(f"CPU per snapshot, {FLOWS} sockets", "ms", 1000, taken)

ORIGINALS = {
    "original, Python BCC": ["/usr/bin/python3", "tests/bench/original.py", "tests/lab/programs/original.c", "0.01"],
    "tcp_stats_monitor": [MONITOR, "-i", "0.01", "--src", "tests/lab/programs/original.c"],
}
taken = {name: [] for name in ORIGINALS}
for _ in range(ROUNDS):
    for name, command in ORIGINALS.items():
        taken[name].append(cpu_with_the_originals_program_s(command))
show("the same, original's program", "ms", 1000, taken)

taken = {"no crowd": [], "a crowd": []}
taken["no crowd"] = [cpu_per_snapshot_s("line") for _ in range(ROUNDS)]
crowd = crowded()
crowd.stdout.readline()
taken["a crowd"] = [cpu_per_snapshot_s("line") for _ in range(ROUNDS)]
show("CPU per snapshot, line", "ms", 1000, taken)
print(f"A crowd: {PROCESSES} processes and {NAMESPACES} network namespaces more.", flush=True)
os.killpg(crowd.pid, signal.SIGKILL)

process = first_snapshot([MONITOR, "-i", "0.1", "--max-flows", str(FLOWS // 4)])
drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
print(f"Resident, with room for {FLOWS // 4} flows:", f"{resident_mb(process.pid):.1f} MB", end="")
for _ in range(5):
    short_connections(5 * FLOWS, size=100)
    print(f", {5 * FLOWS} connections later {resident_mb(process.pid):.1f}", end="", flush=True)
print()
os._exit(0)  # thousands of sockets need no closing one by one
