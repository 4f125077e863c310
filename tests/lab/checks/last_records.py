"""Every connection, however short, leaves a last record, and that is exact."""
import os
import signal
import tempfile
from collections import Counter

from harness import (KERNEL, LIMIT_S, MONITOR, Killed, assert_no_kprobe, bpf_programs, check, equal, never_called, run,
                     wait_for)
from kprobe_misses import KprobeMisses
from metrics import Samples, metrics_text
from short_connections import short_connections
from snapshot import beside_probes, words_of_comment


def words_of(line):
    """A line of output, for checks with too many of them for Flow."""
    words = line.split()
    return (words[1], words[3]), dict(word.split("=", 1) for word in words if "=" in word)


def is_cut_short(record, client):
    """Whether a reset ended that end of a short connection before its time."""
    return record["closed_from"] != ("FIN_WAIT2" if client else "LAST_ACK")


def what_is_wrong_with(record, end, client, pid):
    """With the last record of one end of a short connection: a list of words."""
    if is_cut_short(record, client):
        # What came about by then is not known here, and nobody may have been seen at work on a server's end.
        is_right = record["role"] == ("active" if client else "passive") and \
            (record.get("pid") == str(pid) or (not client and "pid" not in record))
        return [] if is_right else [f"role and pid of {end} in {record}"]
    # A client in FIN_WAIT2 that nobody holds any more is done before the FIN comes.
    fin = int(record["bytes_received"] != "0" or not client)
    found = record["bytes"], int(record["bytes_received"]) - fin, record["role"], record.get("pid")
    expected = (*(("1000", 0, "active") if client else ("0", 1000, "passive")), str(pid))
    wrong = []
    if found != expected:
        wrong.append(f"bytes accepted, received (without the FIN), role and pid of {end}: {found}, expected {expected}, in {record}")
    if int(record["sendmsg_calls"]) > client:
        wrong.append(f"calls of {end} that never were, in {record}")
    if int(record.get("duration_ms", 60000)) >= 60000:
        wrong.append(f"duration of {end} in {record}")
    return wrong


def calls_left_out_by_the_tracepoint():
    """Because its program was at work on that CPU: what the kernel counts."""
    program, = [program for program in bpf_programs() if program["type"] == "raw_tracepoint" and "inet_sock_set_s" in program["name"]]
    return program.get("recursion_misses", 0)


def every_short_connection_is_recorded(count, *options, names=0, by_tracepoint_alone=False, walked_meanwhile=False):
    """From Linux 6.1 on a tracepoint's program is not called in its own midst (a packet's interrupt, on 7.2 another task
    too), and that is said: each such call may cost one record, or one value, where the record rests on the tracepoint alone.
    With `walked_meanwhile`, where each end leaves a record that only the tracepoint takes back, each may leave one. The kernel
    counts them. It counts too how often it did not call a kprobe: so many sends may be missing from sendmsg_calls."""
    with tempfile.NamedTemporaryFile() as output, open(output.name, "rb") as reader, KprobeMisses("tcp_sendmsg") as sends, \
            Killed(MONITOR, "-i", "1", *options, stdout=output) as monitor:
        lines = []

        def snapshots():
            whole = reader.read()
            end = whole.rfind(b"\n") + 1
            reader.seek(end - len(whole), os.SEEK_CUR)
            lines.extend(whole[:end].decode().splitlines())
            return sum(line.startswith("[snapshot]") for line in lines)
        wait_for("the first snapshot", snapshots)
        if by_tracepoint_alone:
            assert_no_kprobe("tcp_set_state")
        connections = short_connections(count, names=names)
        before = snapshots()
        not_called = calls_left_out_by_the_tracepoint()
        wait_for("three more snapshots", lambda: snapshots() >= before + 3)
        metrics = metrics_text() if names else None
        monitor.send_signal(signal.SIGINT)
        equal(monitor.wait(LIMIT_S), 0, "exit status")
        snapshots()
        sends_not_seen = sends.count()
    missed = Counter()
    for line in lines:
        if line.startswith("#"):
            missed.update(words_of_comment(line))
    records = [words_of(line) for line in lines if " state=CLOSE " in line]
    both, clients = connections.both(), set(connections.connected)
    found = Counter(end for end, _ in records)
    too_many = found - both
    equal([record for record in records if record[0] in too_many], [], f"last records of nobody's, or twice, missed {missed}")
    lacking = both - found
    wrong = [f"no last record of {end}" for end in lacking.elements()]
    cut_short = []
    for end, record in records:
        wrong += what_is_wrong_with(record, end, end in clients, connections.pid)
        if is_cut_short(record, end in clients):
            cut_short.append((end, record))
    calls = [int(record["sendmsg_calls"]) for end, record in records if end in clients and not is_cut_short(record, True)]
    # Since Linux 6.7 the monitor is told of kprobes, and says it.
    told = missed["probe_missed"] + (sends_not_seen if KERNEL in ("5.10", "6.1") else 0)
    assert len(calls) - sum(calls) <= told, f"{sum(calls)} sends counted of {len(calls)}, but {told} kprobes not called"
    # A reset ends its sender's end and the receiver's at most.
    assert len(cut_short) <= 2 * connections.resets, f"{connections.resets} resets, cut short: {cut_short}"
    reset_open = [record for _, record in cut_short if record["closed_from"] in ("ESTABLISHED", "CLOSE_WAIT")]
    if by_tracepoint_alone and KERNEL != "5.10":
        assert len(wrong) <= not_called, f"{len(wrong)} wrong, but {not_called} calls left out, missed {missed}: {wrong}"
        assert missed["probe_missed"] >= not_called, f"{not_called} calls left out, but missed {missed}"
        assert lacking.total() >= missed["replaced"] + missed["stale"], f"{lacking} lack, but missed {missed}"
    else:
        equal(wrong, [], f"last records, missed {missed}")
        equal(len(reset_open), connections.reset_open, f"ends that a reset found open and TcpEstabResets: {cut_short}")
        expected = {}
        if walked_meanwhile and missed["found_by_walk"]:
            assert missed["found_by_walk"] <= not_called, f"{not_called} calls left out, but missed {missed}"
            expected = {"found_by_walk": missed["found_by_walk"]}
        equal(beside_probes(missed), expected, "comment lines")
    if names:
        expect_metrics_of(lines, records, Samples(metrics), names)
    assert len({record["sock"] for _, record in records}) < len(records), "no struct sock was used twice"
    for line in lines:
        if line.startswith("sock=") and " state=CLOSE " not in line:
            end, record = words_of(line)
            if end in both:
                assert int(record["bytes"]) <= 1000 and int(record.get("duration_ms", 0)) < 60000, f"inherited: {line}"


@check("numbers")
def two_thousand_short_connections_leave_exactly_four_thousand_last_records():
    every_short_connection_is_recorded(2000)


def names_at_first_sight(lines):
    """Of the process of each flow; None: it was not known yet, as while a connection waits to be accepted."""
    names, known = [], set()
    for line in lines:
        if line.startswith("sock="):
            end, record = words_of(line)
            flow = record["sock"], end
            if flow not in known:
                names.append(record.get("comm"))
                known.add(flow)
            if record["state"] == "CLOSE":
                known.remove(flow)
    return names


def expect_metrics_of(lines, records, samples, names):
    """All of them are counted, though not each name has series of its own."""
    most = 1000
    equal(samples.sum("groups"), min(names, most) + 1, "groups, one of which is the others")
    equal(samples.sum("connections_ended_total"), len(records), "connections that ended, of all names")
    equal(samples.sum("connections_opened_total"), len(records), "connections that were opened")
    equal(samples.sum("sent_bytes_total"), sum(int(record["bytes"]) for _, record in records), "bytes sent, of all names")
    named = {labels["comm"] for family, labels, _ in samples.all if family == "tcpstats_sent_bytes_total"} - {"other"}
    others = [record for _, record in records if record.get("comm", "unknown") not in named]
    equal(samples.sum("connections_ended_total", comm=["other"]), len(others), "ended by others")
    # Many a connection is seen before it is accepted, and has a name later.
    others = [name for name in names_at_first_sight(lines) if (name or "unknown") not in named]
    equal(samples.sum("ungrouped_connections_total"), len(others), "others at first sight")
    assert samples.sum("ungrouped_connections_total") > len(records) / 4, "few have a name that is one of the others"
    of_family = Counter(name for name, *_ in samples.all)
    equal(of_family["tcpstats_sent_bytes_total"], most + 1, "series of sent_bytes_total")
    memory, = [value for name, _, value in samples.all if name == "process_resident_memory_bytes"]
    assert memory < 100e6, f"resident: {memory}"


@check("truth")
def twenty_thousand_in_sequence_with_reused_sockets_leave_forty_thousand():
    """By three thousand process names, which is too many for metrics."""
    every_short_connection_is_recorded(20000, "-o", "line", "--metrics", "9435", "--where", "sport != 9435 and dport != 9435",
                                       names=3000)


@check("truth", "numbers")
def connections_whose_kprobes_are_never_called_are_recorded_all_the_same():
    """What the tracepoint behind tcp_set_state is for."""
    every_short_connection_is_recorded(500, *never_called("tcp_set_state"), by_tracepoint_alone=True)


DELETE = "flow_stats.delete(&key);"
REMOVED_BY_HOOK = f"""remove:
	if (ends && s)
		{DELETE}
"""
REMOVED_AFTERWARDS = f"""/* done, but it could not be removed */
			{DELETE}
"""
WALKED_MEANWHILE = """	if (ends && place == IN_HOOK && start_record(key))
		COUNT_MISSED(found_by_walk);
"""


@check("truth", "numbers")
def a_record_that_cannot_be_removed_or_comes_back_gives_no_second_last_record():
    """Both take an interrupt, or another CPU, at the right few nanoseconds: the program's own text makes them come about."""
    text = run("--print-src")[1]
    refused = {REMOVED_BY_HOOK: REMOVED_BY_HOOK.replace("ends && s", "ends && s && place == IN_NET")}
    for change in (refused, {**refused, REMOVED_AFTERWARDS: REMOVED_AFTERWARDS.replace(DELETE, "")},
                   {REMOVED_BY_HOOK: REMOVED_BY_HOOK + WALKED_MEANWHILE}):
        changed = text
        for before, after in change.items():
            equal(changed.count(before), 1, f"places of {before!r}")
            changed = changed.replace(before, after)
        with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
            file.write(changed)
            file.flush()
            every_short_connection_is_recorded(300, "--src", file.name, walked_meanwhile=WALKED_MEANWHILE in changed)
