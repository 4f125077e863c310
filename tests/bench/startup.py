"""Runs inside the lab, see `startup`."""
import glob
import os
import resource
import socket
import statistics
import subprocess
import sys
import time

MONITOR = ["build/tcp_stats_monitor"]
COLD, WARM, ORIGINAL = "tcp_stats_monitor, cold", "tcp_stats_monitor, warm", "original, Python BCC"
COMMANDS = {
    COLD: MONITOR,  # after its cache was emptied
    WARM: MONITOR,
    "bpftrace, BTF": ["bpftrace", "-B", "line", "tests/bench/startup.bt"],
    ORIGINAL: ["/usr/bin/python3", "tests/bench/original.py", "tests/lab/programs/original.c"],
}
FLOWS = 1000


def started(name):
    """The process once its first snapshot has begun, and after how many seconds that was."""
    if name == COLD:
        for kept in glob.glob("/var/cache/tcp_stats_monitor/*.program"):
            os.unlink(kept)
    start = time.monotonic()
    process = subprocess.Popen(COMMANDS[name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    words = []
    for line in process.stdout:
        words.append(line)
        if line.startswith("[snapshot]"):
            return process, time.monotonic() - start
    sys.exit(f"no snapshot from {COMMANDS[name]}:\n{''.join(words)}")


def end(process):
    process.kill()
    process.wait()


def connections():
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * FLOWS, 2 * FLOWS))
    sockets = []
    with socket.create_server(("127.0.0.1", 0), backlog=FLOWS) as listener:
        for _ in range(FLOWS // 2):
            sockets.append(socket.create_connection(listener.getsockname()))
            sockets.append(listener.accept()[0])
    return sockets


def resident_mb(process, sockets):
    """Once a snapshot has shown all of them. The original knows a flow only once something was sent on it."""
    shown = 0
    for line in process.stdout:
        if line.startswith("[snapshot]"):
            if shown >= FLOWS:
                break
            shown = 0
            for sock in sockets:
                sock.send(b"x")
        shown += line.startswith("sock=")
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    end(process)
    return kilobytes / 1024


rounds = int(sys.argv[1])
for each in COMMANDS if rounds > 1 else []:
    end(started(each)[0])  # what each of them reads is in the page cache then
taken = {name: [] for name in COMMANDS}
for number in range(1, rounds + 1):
    for name in COMMANDS:
        process, seconds = started(name)
        taken[name].append(seconds)
        if number < rounds or name != ORIGINAL:
            end(process)  # the last, the slowest to start, shows below how large it is
    print(f"round {number}: " + ", ".join(f"{name} {times[-1]:.2f} s" for name, times in taken.items()), flush=True)

print(f"{'time to first snapshot':24} {'median':>8} {'to cold':>8} {'to warm':>8}   (medians of the rounds' ratios)")
for name, times in taken.items():
    ratios = [statistics.median(theirs / ours for theirs, ours in zip(times, taken[of])) for of in (COLD, WARM)]
    print(f"{name:24} {statistics.median(times):7.2f}s {ratios[0]:8.2f} {ratios[1]:8.2f}")

held = connections()
ours_mb, original_mb = resident_mb(started(WARM)[0], held), resident_mb(process, held)
print(f"resident with {FLOWS} flows: tcp_stats_monitor {ours_mb:.1f} MB, original {original_mb:.1f} MB "
      f"({original_mb / ours_mb:.1f} times)")
