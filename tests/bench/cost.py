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

FLOWS, ROUNDS = map(int, sys.argv[1:])
BATCHES = 20  # the quietest counts: other things run on the machine
SENDS = 1000
PROCESSES, NAMESPACES = 5000 * FLOWS // 4000, 100 * FLOWS // 4000
HOOKS = {
    "original program, kprobe": [MONITOR, "-i", "1000", "--src", "tests/lab/programs/original.c"],
    "tcp_stats_monitor, kprobe": [MONITOR, "-i", "1000", "--attach", "kprobe"],
    "look-up and add alone, kprobe": [MONITOR, "-i", "1000", "--src", "tests/bench/programs/look_up_and_add.c"],
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
    "tcp_stats_monitor": (2, 42, lambda count: [[MONITOR, "-i", "0.01", "-c", str(count)]]),
}
taken = {name: [] for name in SNAPSHOTS}
for _ in range(ROUNDS):
    for name in SNAPSHOTS:
        taken[name].append(cpu_per_snapshot_s(name))
crowd = crowded()
crowd.stdout.readline()
taken["the same in a crowd"] = [cpu_per_snapshot_s("tcp_stats_monitor") for _ in range(ROUNDS)]
show(f"CPU per snapshot, {FLOWS} sockets", "ms", 1000, taken)
print(f"A crowd: {PROCESSES} processes and {NAMESPACES} network namespaces more.", flush=True)
os.killpg(crowd.pid, signal.SIGKILL)
os._exit(0)  # thousands of sockets need no closing one by one
