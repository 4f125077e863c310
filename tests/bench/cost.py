"""Runs inside the lab, see `cost`."""
import json
import os
import resource
import socket
import subprocess
import sys

BATCHES = 20  # the quietest counts: other things run on the machine
SENDS = 1000
ROUNDS = 3
MONITOR = "build/tcp_stats_monitor"
HOOKS = {
    "tcp_stats_monitor, kprobe": [MONITOR, "-i", "1000", "--attach", "kprobe"],
    "tcp_stats_monitor, fentry": [MONITOR, "-i", "1000", "--attach", "fentry"],
    "original program, kprobe": [MONITOR, "-i", "1000", "--src", "tests/lab/programs/original.c"],
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
    print(f"{title:30} {'least':>10} {'ratio':>7}   (to the first)")
    first = next(iter(results.values()))
    for name, value in results.items():
        print(f"{name:30} {value * scale:8.1f} {unit} {value / first:6.2f}", flush=True)


subprocess.run(["sysctl", "-q", "-w", "kernel.bpf_stats_enabled=1"], check=True)
show("time in the hook, per send", "ns", 1, {name: cost_per_send_ns(command) for name, command in HOOKS.items()})
subprocess.run(["sysctl", "-q", "-w", "kernel.bpf_stats_enabled=0"], check=True)

resource.setrlimit(resource.RLIMIT_NOFILE, (100000, 100000))
flows = int(sys.argv[1])
socks = []
with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
    for _ in range(flows // 2):
        socks.append(socket.create_connection(listener.getsockname()))
        socks.append(listener.accept()[0])
SNAPSHOTS = {
    "tcp_stats_monitor": (2, 42, lambda count: [[MONITOR, "-i", "0.01", "-c", str(count)]]),
    "ss -tinO": (0, 10, lambda count: [["ss", "-tinO"]] * count),
}
# The least for few and for many snapshots, and their difference, so that the start does not count.
taken = {name: ([], []) for name in SNAPSHOTS}
for _ in range(ROUNDS):
    for name, (few, many, commands) in SNAPSHOTS.items():
        for times, count in zip(taken[name], (few, many)):
            times.append(cpu_s(commands(count)))
show(f"CPU per snapshot, {flows} sockets", "ms", 1000, {
    name: (min(taken[name][1]) - min(taken[name][0])) / (many - few) for name, (few, many, _) in SNAPSHOTS.items()})
os._exit(0)  # thousands of sockets need no closing one by one
