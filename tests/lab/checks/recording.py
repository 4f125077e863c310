"""Recordings: everything is in the file, with the kernel's own numbers, and comes out of it as it was."""
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections import Counter

from harness import LIMIT_S, MONITOR, Killed, check, contains, equal, run, sh, wait_for
from namespaces import Namespaces, netns_inode, nstat
from short_connections import short_connections
from sockets import connected, connections, listening, raise_file_limit
from transfers import COOKIE, iperf3


class Recorder:
    """The monitor, recording to a file of its own, and showing JSON beside it."""

    def __init__(self, file, *options):
        self.file = file
        self.output = tempfile.NamedTemporaryFile()
        self.errors = tempfile.TemporaryFile("a+")
        self.killed = Killed(MONITOR, "--record", file, "-o", "json", *options, stdout=self.output, stderr=self.errors)

    def __enter__(self):
        self.process = self.killed.__enter__()
        wait_for("the first snapshot", lambda: self.snapshots() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()
        return self

    def __exit__(self, *_):
        self.killed.__exit__()

    def snapshots(self):
        with open(self.output.name) as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def wait_for_more(self, count):
        """So many snapshots from now on."""
        before = len(self.snapshots())
        wait_for(f"{count} more snapshots", lambda: len(self.snapshots()) >= before + count)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        equal(self.process.wait(), 0, "exit status")


def asked(file, query, *values):
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return database.execute(query, values).fetchall()


def replayed(file, *options):
    status, output, errors = run("--replay", file, "-o", "json", *options)
    equal((status, errors), (0, ""), "status of the replay, and what it says")
    return [json.loads(line) for line in output.splitlines()]


def flows_of(snapshot, kind):
    """By their numbers; the kernel's order is not recorded, nor the address of the socket."""
    return {flow["id"]: flow for flow in snapshot[kind]}


def same_numbers(live, again):
    equal(len(again), len(live), "snapshots")
    for one, other in zip(live, again):
        for kind in ("flows", "closed"):
            before, now = flows_of(one, kind), flows_of(other, kind)
            equal(sorted(now), sorted(before), f"{kind} at {one['time']}")
            for number, flow in before.items():
                equal(now[number], flow, f"flow {number} of {kind} at {one['time']}")
        for name in set(one) | set(other) - {"flows", "closed"}:
            if name not in ("flows", "closed"):
                equal(other.get(name), one.get(name), name)


def is_whole(file):
    equal(asked(file, "PRAGMA integrity_check"), [("ok",)], "integrity of the recording")


@check("base", "numbers")
def a_recording_has_every_connection_with_the_numbers_of_iperf3_and_nstat_and_its_replay_is_what_was_shown():
    raise_file_limit()
    with tempfile.TemporaryDirectory() as place, Namespaces("delay 20ms loss 5%"), listening() as listener:
        file = f"{place}/recording"
        idle = connections(listener, 20)
        inodes = {netns_inode(name): name for name in ("a", "b")}
        with Recorder(file, "-i", "0.5") as recorder:
            results = {}
            threads = [threading.Thread(target=lambda p=port: results.update({p: iperf3("10.9.0.2", p)})) for port in (6001, 6002)]
            for thread in threads:
                thread.start()
            short = short_connections(2000)
            for thread in threads:
                thread.join()
            wait_for("the last records", lambda: asked(file, "SELECT count(*) FROM last_records WHERE lport IN (6001, 6002)") == [(4,)])
            recorder.wait_for_more(2)
            recorder.stop()
            live = recorder.snapshots()
        equal(os.listdir(place), ["recording"], "files")
        equal(os.stat(file).st_mode & 0o777, 0o600, "mode of the file")
        is_whole(file)
        for result in results.values():
            port = result["start"]["connected"][0]["local_port"]
            equal(asked(file, "SELECT bytes, comm FROM last_records WHERE lport = ? AND rport IN (6001, 6002)", port),
                  [(result["end"]["sum_sent"]["bytes"] + COOKIE, "iperf3")], "bytes of the data connection")
        for inode, name in inodes.items():
            equal(asked(file, "SELECT sum(retr) FROM last_records WHERE netns = ?", inode), [(nstat(name)["TcpRetransSegs"],)],
                  f"segments sent again in {name}")
        ends = Counter((f"{local}:{lport}", f"{remote}:{rport}") for local, lport, remote, rport in
                       asked(file, "SELECT local, lport, remote, rport FROM flows WHERE pid = ? AND closed IS NOT NULL", short.pid))
        assert not ends - short.both(), f"ends that there were not: {ends - short.both()}"
        lacking = short.both() - ends
        assert lacking.total() <= short.resets, f"{lacking} lack, with {short.resets} resets"
        shown = [flow for snapshot in live for flow in snapshot["closed"]]
        equal(sorted(asked(file, "SELECT ended, count(*) FROM flows WHERE closed IS NOT NULL GROUP BY ended")),
              sorted((how, sum(flow["ended"] == how for flow in shown)) for how in {flow["ended"] for flow in shown}), "endings")
        (samples,), = asked(file, "SELECT count(*) FROM samples WHERE lport = ?", listener.getsockname()[1])
        assert len(idle) <= samples < len(idle) * len(live) / 2, f"{samples} samples of {len(idle)} idle ends, {len(live)} snapshots"
        same_numbers(live, replayed(file))
        same_numbers(live[-3:], replayed(file, "--from", live[-3]["time"]))
        equal(replayed(file, "--at", live[5]["time"])[0]["monotonic_ns"], live[5]["monotonic_ns"], "the snapshot of a time")
        grouped = json.loads(run("--replay", file, "-o", "json", "--group-by", "ended", "--where", "ended == peer_close")[1].splitlines()[-1])
        assert "groups" in grouped, grouped
        os.chmod(place, 0o755)
        os.chown(file, 65534, 65534)
        monitor = shutil.copy(MONITOR, place)  # it may be where others may not look
        by_nobody = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
                                    monitor, "--replay", file, "-o", "json", "--columns", "comm,ended"], text=True, capture_output=True)
        equal((by_nobody.returncode, by_nobody.stderr), (0, ""), "a replay by nobody")
        contains(by_nobody.stdout, '"comm":"short_connectio","ended":"peer_close"')
        for client, server in idle:
            client.close()
            server.close()


@check("base", "numbers")
def a_report_of_a_live_run_and_of_its_recording_has_the_numbers_of_nstat():
    with tempfile.TemporaryDirectory() as place, Namespaces("delay 20ms loss 5%"), tempfile.NamedTemporaryFile() as page:
        file = f"{place}/recording"
        with Killed(MONITOR, "--record", file, "-o", "report", "-i", "0.5", stdout=page) as monitor:
            wait_for("the first snapshot", lambda: os.path.exists(file) and asked(file, "SELECT count(*) > 0 FROM snapshots") == [(1,)])
            iperf3("10.9.0.2", 6001)
            # Of both ends of both connections: whichever is open may send its FIN again.
            wait_for("the last records", lambda: asked(file, "SELECT count(*) FROM last_records WHERE 6001 IN (lport, rport)") == [(4,)])
            monitor.send_signal(signal.SIGINT)
            equal(monitor.wait(LIMIT_S), 0, "exit status")
        with open(page.name) as text:
            live = text.read()
        facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", live))
        sent_again = sum(nstat(name)["TcpRetransSegs"] for name in ("a", "b"))
        equal(int(facts["sent again"].split()[0]), sent_again, "segments sent again")
        equal(int(facts["connections"]), asked(file, "SELECT count(*) FROM flows")[0][0], "connections")
        endings = [(ended, error, int(count)) for ended, error, count in
                   re.findall(r"<tr><th>(\w+)</th><td>(\w*)</td><td>(\d+)</td></tr>", live)]
        equal(sorted(endings), sorted(asked(file, "SELECT ended, coalesce(error, ''), connections FROM endings")), "endings")
        status, again, errors = run("--replay", file, "-o", "report")
        equal((status, errors, dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", again))), (0, "", facts), "the replay's report")
        contains(again, "<section>")
        contains(again, "segments were sent again, ")
        status, output, errors = run("--replay", file, "-o", "report", "--top", "3")
        equal((status, output), (64, ""), "a report of a choice")
        contains(errors, "--top has no meaning with -o report")


@check("base")
def a_second_recorder_and_other_files_are_refused_with_a_sentence():
    with tempfile.TemporaryDirectory() as place:
        file = f"{place}/recording"
        with Recorder(file) as recorder:
            status, _, errors = run("--record", file)
            equal(status, 64, "exit status of a second recorder")
            contains(errors, "another tcp_stats_monitor records to it; name another file, or stop that one")
            same = replayed(file)  # while it is recorded
            assert same, "no snapshot"
            recorder.stop()
        with sqlite3.connect(f"{place}/theirs") as database:
            database.execute("CREATE TABLE theirs (a)")
        for other, what in (("/etc/passwd", "this is no recording but a file of another kind"),
                            (f"{place}/theirs", "this is a database of another program")):
            for option in ("--record", "--replay"):
                status, _, errors = run(option, other)
                equal(status, 65, f"exit status for {other}")
                contains(errors, what)


@check("base")
def a_full_disk_costs_the_snapshots_that_found_no_room_and_these_are_counted():
    with tempfile.TemporaryDirectory() as place:
        sh(f"mount -t tmpfs -o size=2M tmpfs {place}")
        try:
            with Recorder(f"{place}/recording", "-i", "0.2") as recorder:
                def unrecorded():
                    return max((one["missed"].get("unrecorded_snapshots", 0) for one in recorder.snapshots()), default=0)
                while unrecorded() < 3:
                    short_connections(200)
                contains(recorder.said(), "what is not recorded is counted, and each snapshot is tried again")
                is_whole(f"{place}/recording")
                sh(f"mount -o remount,size=100M {place}")
                wait_for("snapshots that are recorded again",
                         lambda: "unrecorded_snapshots" not in recorder.snapshots()[-1]["missed"])
                recorder.wait_for_more(3)
                recorder.stop()
                live = recorder.snapshots()
            is_whole(f"{place}/recording")
            lost = [one for one in live if "unrecorded_snapshots" in one["missed"]]
            equal(asked(f"{place}/recording", "SELECT sum(count) FROM missed WHERE name = 'unrecorded_snapshots'"), [(len(lost),)],
                  "snapshots that are missing, in the file")
            again = replayed(f"{place}/recording")
            equal(len(again) + len(lost), len(live), "snapshots")
            same_numbers(live[-2:], again[-2:])
            shown = sum(len(one["closed"]) for one in live)
            equal(sum(len(one["closed"]) for one in again), shown, "last records")
        finally:
            sh(f"umount {place}")


@check("base")
def a_recorder_that_is_killed_loses_one_snapshot_at_most():
    with tempfile.TemporaryDirectory() as place:
        for number in range(6):
            file = f"{place}/{number % 2}"
            before = asked(file, "SELECT count(*) FROM snapshots")[0][0] if os.path.exists(file) else 0
            with Recorder(file, "-i", "0.05") as recorder:
                for _ in range(random.randrange(1, 4)):
                    short_connections(100)
                time.sleep(random.random() / 10)
                recorder.process.kill()
                recorder.process.wait()
                shown = recorder.snapshots()
            is_whole(file)
            (now,), = asked(file, "SELECT count(*) FROM snapshots")
            assert len(shown) <= now - before <= len(shown) + 1, f"{now - before} snapshots recorded, {len(shown)} shown"
            equal(len(replayed(file)), now, "snapshots replayed")


@check("base")
def a_clock_that_is_set_leaves_no_wrong_rate():
    client, server = connected()
    with client, server, tempfile.TemporaryDirectory() as place:
        with Recorder(f"{place}/recording", "-i", "0.3") as recorder:
            began, clock = time.monotonic(), time.time()
            for ahead in (-3600, 86400, 0):
                client.sendall(b"x" * 10000)
                recorder.wait_for_more(3)
                time.clock_settime(time.CLOCK_REALTIME, clock + time.monotonic() - began + ahead)
                client.sendall(b"x" * 10000)
                recorder.wait_for_more(3)
            recorder.stop()
            live = recorder.snapshots()
        same_numbers(live, replayed(f"{place}/recording"))
        rates = [rate for rate, in asked(f"{place}/recording", "SELECT bytes_per_s FROM rates WHERE lport = ?", client.getsockname()[1])]
        assert 0 < max(rates) < 1e6 and min(rates) >= 0, rates
