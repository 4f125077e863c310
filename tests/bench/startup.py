"""Runs inside the lab, see `startup`."""
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "tcp_stats_monitor": ["build/tcp_stats_monitor"],
    "bpftrace, BTF": ["bpftrace", "-B", "line", "tests/bench/startup.bt"],
    "original, Python BCC": ["/usr/bin/python3", "tests/bench/original.py", "tests/lab/programs/original.c"],
}


def first_snapshot_s(command):
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    words = []
    for line in process.stdout:
        words.append(line)
        if line.startswith("[snapshot]"):
            seconds = time.monotonic() - start
            process.kill()
            process.wait()
            return seconds
    sys.exit(f"no snapshot from {command}:\n{''.join(words)}")


rounds = int(sys.argv[1])
for command in COMMANDS.values() if rounds > 1 else []:
    first_snapshot_s(command)  # what each of them reads is in the page cache then
taken = {name: [] for name in COMMANDS}
for number in range(1, rounds + 1):
    for name, command in COMMANDS.items():
        taken[name].append(first_snapshot_s(command))
    print(f"round {number}: " + ", ".join(f"{name} {times[-1]:.2f} s" for name, times in taken.items()), flush=True)

print(f"{'time to first snapshot':24} {'median':>8} {'ratio':>7}   (ratio: median of the rounds' ratios to ours)")
ours = taken["tcp_stats_monitor"]
for name, times in taken.items():
    ratio = statistics.median(theirs / mine for theirs, mine in zip(times, ours))
    print(f"{name:24} {statistics.median(times):7.2f}s {ratio:7.2f}")
