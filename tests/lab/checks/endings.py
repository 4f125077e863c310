"""How the monitor ends, and what it leaves behind: nothing."""
import os
import shutil
import signal
import subprocess

from harness import BUILD, MONITOR, Monitor, check, contains, equal, hidden, programs_of_bpf, run, sh, wait_for
from short_connections import wait_for_the_end_of_all_sockets
from sockets import connected, ends_of

NO_KPROBES = hidden("/sys/bus/event_source/devices", "/sys/kernel/debug", "/sys/kernel/tracing")


def nothing_of_ours_left(before):
    wait_for("the kernel to free the programs", lambda: programs_of_bpf() <= before)
    equal(sh("cat /sys/kernel/tracing/kprobe_events"), "", "kprobe_events")


@check("base")
def a_signal_ends_it_with_a_word_and_status_0():
    before = programs_of_bpf()
    for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with Monitor("-i", "0.1") as monitor:
            monitor.next_snapshot()
            equal(len(programs_of_bpf() - before), 8, "programs loaded while it runs: 3 hooks, 3 tracepoints, 2 iterators")
            equal(monitor.stop(which), 0, f"exit status after {which.name}")
            equal(monitor.lines[-1], "Exiting", "last line")
            equal(monitor.stderr(), "", "standard error")
        nothing_of_ours_left(before)


@check("base")
def a_signal_during_a_long_interval_ends_it_at_once():
    with Monitor("-i", "86400") as monitor:
        wait_for("the first snapshot", lambda: len(monitor.lines) >= 3)
        equal(monitor.stop(), 0, "exit status")
        equal(monitor.lines[-1], "Exiting", "last line")


@check("base")
def flows_that_closed_since_the_last_snapshot_are_shown_when_a_signal_ends_it():
    with Monitor("-i", "86400", banner=False) as monitor:
        wait_for("the first snapshot", lambda: len(monitor.lines) >= 3)
        client, server = connected()
        with client, server:
            ends = ends_of(client)
            client_port = client.getsockname()[1]
            client.close()
            server.close()
            wait_for_the_end_of_all_sockets(client_port)
        equal(monitor.stop(), 0, "exit status")
        equal({flow.ends for flow in monitor.closed()}, {ends, ends[::-1]}, "closed flows")
        equal(monitor.lines[-1], "Exiting", "last line")


@check("base")
def a_closed_pipe_ends_it_quietly():
    before = programs_of_bpf()
    done = subprocess.run(["bash", "-c", '"$0" -i 0.1 | head -3; echo ${PIPESTATUS[0]}', MONITOR], text=True,
                          capture_output=True)
    equal(done.stdout.splitlines()[-1], "0", "exit status")
    equal(done.stderr, "", "standard error")
    nothing_of_ours_left(before)


@check("base")
def output_that_cannot_be_written_is_an_error():
    before = programs_of_bpf()
    with open("/dev/full", "w") as full:
        done = subprocess.run([MONITOR], stdout=full, stderr=subprocess.PIPE, text=True)
    equal(done.returncode, 74, "exit status")
    equal(done.stderr, "tcp_stats_monitor: error: cannot write to standard output: No space left on device; make room, "
                       "or write elsewhere\n", "standard error")
    nothing_of_ours_left(before)


@check("base")
def closed_standard_streams_do_no_harm():
    done = subprocess.run(["bash", "-c", '"$0" -c 1 >&-', MONITOR], text=True, capture_output=True, timeout=100)
    equal(done.returncode, 74, "exit status without standard output")
    contains(done.stderr, "cannot write to standard output: Bad file descriptor")
    done = subprocess.run(["bash", "-c", '"$0" -c 1 2>&- <&-', MONITOR], text=True, capture_output=True, timeout=100)
    equal(done.returncode, 0, "exit status without standard error and input")
    contains(done.stdout, "[snapshot]")


@check("base")
def kill_9_leaves_nothing_either():
    before = programs_of_bpf()
    for options in ([], ["--attach", "fentry"]):
        with Monitor("-i", "0.1", *options) as monitor:
            monitor.next_snapshot()
            equal(monitor.stop(signal.SIGKILL), -9, "exit status")
        nothing_of_ours_left(before)


@check("base")
def a_count_ends_it_without_a_word():
    status, output, errors = run("-c", "3", "-i", "0.1")
    equal((status, errors), (0, ""), "exit status, standard error")
    equal(output.count("[snapshot]"), 3, "snapshots")
    assert "Exiting" not in output


@check("base")
def an_ordinary_user_gets_77_and_a_sentence():
    copy = "/tmp/monitor_for_all"
    shutil.copy(MONITOR, copy)
    os.chmod(copy, 0o755)
    done = subprocess.run([copy], user="nobody", text=True, capture_output=True, cwd="/")
    equal((done.returncode, done.stdout), (77, ""), "exit status, standard output")
    equal(done.stderr, "tcp_stats_monitor: error: not allowed to load BPF programs into the kernel; run it with sudo, "
                       "or with the capabilities CAP_BPF and CAP_PERFMON\n", "standard error")


@check("base", "newest")
def where_kprobes_cannot_attach_fentry_does_and_it_is_said():
    with Monitor("-i", "0.1", prefix=NO_KPROBES) as monitor:
        monitor.next_snapshot()
        contains(monitor.stderr(), "has no kprobes (/sys/bus/event_source/devices/kprobe/type is missing); attaching "
                                   "with fentry")
        equal(monitor.stop(), 0, "exit status")
    status, _, errors = run("--attach", "kprobe", prefix=NO_KPROBES)
    equal(status, 69, "exit status")
    contains(errors, "try --attach fentry")


@check("base")
def the_language_changes_the_sentences():
    portuguese = {"LOCPATH": os.path.join(BUILD, "locales"), "LC_ALL": "pt_BR.UTF-8"}
    with Monitor("-i", "0.1", banner=False, env=portuguese) as monitor:
        wait_for("the first snapshot", lambda: len(monitor.lines) >= 3)
        equal(monitor.stop(), 0, "exit status")
        equal(monitor.lines[:3], ["eBPF carregado. Monitorando fluxos TCP (por sock pointer). Ctrl-C para sair.", "",
                                  "[snapshot] sem fluxos observados ainda."], "first lines")
        equal(monitor.lines[-1], "Saindo", "last line")
