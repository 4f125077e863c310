"""What recording costs beside others that keep the same. Runs in the lab; see `recording`."""
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab/checks"))

from harness import MONITOR, Killed, compile_outside, wait_for  # noqa: E402
from sockets import connections, drain, listening, raise_file_limit  # noqa: E402

busy, idle, snapshots = (int(word) for word in sys.argv[1:])


def traffic(pairs, stop):
    """Each sends something each second."""
    while not stop.wait(1):
        for client, _ in pairs:
            client.send(b"x" * 2000)


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def written(pid):
    return int(open(f"/proc/{pid}/io").read().split("wchar: ")[1].split()[0])


def of_recorder(file):
    """CPU seconds, bytes of the file, and bytes written with the log's, of a snapshot."""
    def count():
        try:
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
                return database.execute("SELECT count(*) FROM snapshots").fetchone()[0]
        except sqlite3.Error:
            return 0

    def size():
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
            return database.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[0]
    with Killed(MONITOR, "--record", file, "--max-flows", 2 * (busy + idle)) as process:
        wait_for("snapshots", lambda: count() >= 5)
        first, cpu, bytes_before, disk = count(), cpu_s(process.pid), size(), written(process.pid)
        wait_for("snapshots", lambda: count() >= first + snapshots)
        number = count() - first
        result = (cpu_s(process.pid) - cpu) / number, (size() - bytes_before) / number, (written(process.pid) - disk) / number
        process.send_signal(signal.SIGINT)
        process.wait()
    return result


def of_pipe(command, file, number):
    """CPU seconds of all that runs in it, and bytes of its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["bash", "-c", f"{command} > {file}"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = os.path.getsize(file) / number
    return cpu / number, size, size


raise_file_limit()
compile_outside(True)
with tempfile.TemporaryDirectory(dir="/run") as place:
    with listening() as listener:
        talking = connections(listener, busy // 2)
        silent = connections(listener, idle // 2)
        for _, server in talking:
            drain(server)
        stop = threading.Event()
        thread = threading.Thread(target=traffic, args=(talking, stop))
        thread.start()
        results = {"--record": of_recorder(f"{place}/recording")}
        number = max(3, snapshots // 4)
        results["ss -tinO | zstd, in a loop"] = of_pipe(
            f"for i in $(seq {number}); do ss -tinO | zstd -q; sleep 1; done", f"{place}/ss", number)
        results["-o json | zstd"] = of_pipe(f"{MONITOR} -o json -c {number} --max-flows {2 * (busy + idle)} | zstd -q", f"{place}/json", number)
        stop.set()
        thread.join()
    began = time.monotonic()
    subprocess.run([MONITOR, "--replay", f"{place}/recording", "-o", "json"], stdout=subprocess.DEVNULL, check=True)
    replay_s = time.monotonic() - began
    with sqlite3.connect(f"{place}/recording") as database:
        count, = database.execute("SELECT count(*) FROM snapshots").fetchone()
        began = time.monotonic()
        database.execute("SELECT * FROM worst_retransmitters").fetchall()
        question_s = time.monotonic() - began
print(f"{busy} busy and {idle} idle sockets, {snapshots} snapshots, one a second")
print(f"{'per snapshot':28} {'CPU ms':>8} {'ratio':>6} {'kB':>8} {'ratio':>6} {'MB/hour':>8} {'kB written':>11}")
first = results["--record"]
for name, (cpu, size, disk) in results.items():
    print(f"{name:28} {1000 * cpu:8.0f} {cpu / first[0]:6.2f} {size / 1000:8.0f} {size / first[1]:6.2f} {size * 3600 / 1e6:8.0f} {disk / 1000:11.0f}")
print(f"replayed as json {count / replay_s:.1f} times as fast as it was; a question over all of it: {question_s:.2f} s")
