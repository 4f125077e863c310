"""What the monitor may still do once its hooks are attached, and as whom it does it."""
import errno
import gc
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import tempfile

from harness import BUILD, KERNEL, MONITOR, PROGRAMS, Monitor, check, contains, equal, run, sh, wait_for
from live import Terminal
from namespaces import In, Namespaces
from recording import asked, is_whole
from sockets import connected, ends_of, listening

# linux/capability.h
CAPABILITIES = {"CAP_DAC_OVERRIDE": 1, "CAP_DAC_READ_SEARCH": 2, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_BPF": 39}
FOR_NAMESPACES = {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}
ASKED_FOR_MAPS = {"CAP_BPF"} if KERNEL == "5.10" else set()
USER = "nobody"
# As a container may have them. Before Linux 5.11 maps count as locked memory.
TWO_CAPABILITIES = ("prlimit", "--memlock=unlimited", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps",
                    "+bpf,+perfmon", "--ambient-caps", "+bpf,+perfmon", "--bounding-set", "-all,+bpf,+perfmon")
SMALL = ("--src", f"{PROGRAMS}/original.c")  # it walks nothing, and knows no cgroup


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def keeps(pid, names):
    """That process has these capabilities and no others, for good."""
    kept = f"{sum(1 << CAPABILITIES[name] for name in names):016x}"
    for task in os.listdir(f"/proc/{pid}/task"):
        status = status_of(f"{pid}/task/{task}")
        equal({name: status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb", "NoNewPrivs")},
              {"CapEff": kept, "CapPrm": kept, "CapInh": "0" * 16, "CapBnd": "0" * 16, "CapAmb": "0" * 16, "NoNewPrivs": "1"},
              f"capabilities of task {task}, {sorted(names)} expected")


def is_user(pid, name):
    account = pwd.getpwnam(name)
    status = status_of(pid)
    equal((status["Uid"].split(), status["Gid"].split()), ([str(account.pw_uid)] * 4, [str(account.pw_gid)] * 4), "user and group")
    equal(set(status["Groups"].split()), set(map(str, os.getgrouplist(name, account.pw_gid))), "groups")


def says_it_keeps(errors):
    """The names of -v."""
    contains(errors, "all other capabilities are given up")
    return set(re.findall(r"debug: kept: (CAP_\w+) to ", errors))


def tried_by(monitor, file):
    """What came of what the monitor itself tried: {name: error number}."""
    os.truncate(file, 0)
    os.kill(monitor.process.pid, signal.SIGUSR2)
    wait_for("what was tried", lambda: "started" in open(file).read())
    return {name: int(number) for name, number in map(str.split, open(file))}


def forbidden(monitor, file, *more):
    """These attempts, and those that need what no monitor keeps."""
    found = tried_by(monitor, file)
    names = ("chown", "packet", "setuid", "module", *more)
    equal({name: found[name] for name in names}, dict.fromkeys(names, errno.EPERM), f"of what the monitor tried: {found}")
    equal(found["started"], 0, "whether a program that it starts has a capability")


class Trying:
    """A file of everybody's, and the monitor's environment with it."""

    def __enter__(self):
        self.file = tempfile.NamedTemporaryFile()
        os.chmod(self.file.name, 0o666)
        self.env = {"LD_PRELOAD": f"{BUILD}/tries.so", "TRIES": self.file.name}
        return self.file.name, self.env

    def __exit__(self, *_):
        self.file.close()


@check("base", "numbers", "newest")
def after_the_start_only_the_capabilities_for_namespaces_and_cgroups_are_left_and_all_goes_on():
    client, server = connected()
    with client, server, Trying() as (file, env), Namespaces("delay 1ms"), Monitor("-v", "-i", "0.5", env=env) as monitor:
        monitor.next_snapshot()
        forbidden(monitor, file)
        keeps(monitor.process.pid, FOR_NAMESPACES)
        equal(says_it_keeps(monitor.stderr()), FOR_NAMESPACES, "what -v says is kept")
        # A namespace that begins later, and a connection there that is idle.
        sh("ip netns add later && ip -n later link set lo up")
        try:
            with In("later"), listening() as listener:
                ends = listener.getsockname()
                one = socket.create_connection(ends)
                other, _ = listener.accept()
            monitor.wait_for_flow("a connection of a namespace that began later", lambda flow: flow.ends == ends_of(one))
            own = ends_of(client)
            client.sendall(b"x" * 1000)
            monitor.wait_for_flow("the cgroup's path", lambda flow: flow.ends == own and "cgroup_path" in flow.further and flow.bytes >= 1000)
            one.close()
            other.close()
            client.close()
            wait_for("its last record", lambda: [flow for flow in monitor.closed() if flow.ends == own])
        finally:
            sh("ip netns del later")
        equal(monitor.stop(), 0, "exit status")


@check("base", "numbers", "newest")
def a_program_that_walks_nothing_keeps_nothing_but_what_the_kernel_asks_for_to_read_maps():
    client, server = connected()
    with client, server, Trying() as (file, env), Monitor("-v", "-i", "0.2", *SMALL, env=env) as monitor:
        def mine(flows):
            client.send(b"x")
            return any(flow.ends == ends_of(client) for flow in flows)
        monitor.wait_for_snapshot("the connection", mine)
        keeps(monitor.process.pid, ASKED_FOR_MAPS)
        equal(says_it_keeps(monitor.stderr()), ASKED_FOR_MAPS, "what -v says is kept")
        forbidden(monitor, file, "hostname", *([] if ASKED_FOR_MAPS else ["map"]))
        monitor.wait_for_snapshot("the connection afterwards", mine, skip=2)
        equal(monitor.stop(), 0, "exit status")


@check("base", "numbers", "newest")
def another_user_does_all_that_root_did_and_records_to_a_file_of_its_own():
    client, server = connected()
    with client, server, tempfile.TemporaryDirectory() as place, Trying() as (tries, env):
        account = pwd.getpwnam(USER)
        os.chown(place, account.pw_uid, account.pw_gid)
        file = f"{place}/recording"
        with Monitor("-v", "-i", "0.5", "-o", "line", "--record", file, "--user", USER, env=env) as monitor:
            own = ends_of(client)
            flow = monitor.wait_for_flow("the connection", lambda flow: flow.ends == own)
            keeps(monitor.process.pid, FOR_NAMESPACES)
            is_user(monitor.process.pid, USER)
            contains(monitor.stderr(), f"debug: now user {USER} ({account.pw_uid})")
            forbidden(monitor, tries)
            equal((flow["pid"], flow.further["cgroup_path"][:1]), (os.getpid(), "/"), "process, and where its cgroup begins")
            with Namespaces("delay 1ms"), In("b"), listening("10.9.0.2") as listener:
                with In("a"):
                    there = socket.create_connection(listener.getsockname())
                ends = ends_of(there)
                monitor.wait_for_flow("one in another namespace", lambda flow: flow.ends == ends)
                there.close()
            client.close()
            wait_for("its last record", lambda: [flow for flow in monitor.closed() if flow.ends == own])
            monitor.next_snapshot()
            equal({name: os.stat(f"{place}/{name}").st_uid for name in os.listdir(place)},
                  dict.fromkeys(("recording", "recording-wal", "recording-shm"), account.pw_uid), "owners while it records")
            equal(monitor.stop(), 0, "exit status")
        equal(os.listdir(place), ["recording"], "files")
        status = os.stat(file)
        equal((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)), (account.pw_uid, account.pw_gid, 0o600), "the recording's owner and mode")
        is_whole(file)
        equal(asked(file, "SELECT count(*) FROM last_records WHERE lport = ?", int(own[0].rsplit(":", 1)[1])), [(1,)], "last records of the connection")
        os.chmod(place, 0o755)
        small = shutil.copy(SMALL[1], place)  # the clone may be where others may not look
        nothing_but_a_sentence(77, "--user root: not allowed to become that user", "--user", "root", "--src", small, prefix=TWO_CAPABILITIES)


def nothing_but_a_sentence(status, sentence, *options, prefix=()):
    found = run("-c", "1", *options, prefix=prefix)
    equal(found[:2], (status, ""), f"exit status and output, with {found[2]}")
    contains(found[2], f"error: {sentence}")


@check("base", "numbers", "newest")
def a_program_that_walks_nothing_and_knows_cgroups_keeps_what_finds_their_paths():
    # Without a walk a connection has a record when it begins, or changes its state.
    source = run("--print-src")[1].replace("#ifdef SOCKET_WALK", "#if 0").replace("#ifndef SOCKET_WALK", "#if 1")
    with tempfile.NamedTemporaryFile("w", suffix=".c") as file:
        file.write(source)
        file.flush()
        with Monitor("-v", "-i", "0.2", "--src", file.name) as monitor:
            client, server = connected()

            def named(flows):
                client.send(b"x")
                return any(flow.ends == ends_of(client) and flow.further.get("cgroup_path", "").startswith("/") for flow in flows)
            with client, server:
                monitor.wait_for_snapshot("the path of a cgroup", named)
            keeps(monitor.process.pid, {"CAP_DAC_READ_SEARCH"} | ASKED_FOR_MAPS)
            equal(says_it_keeps(monitor.stderr()), {"CAP_DAC_READ_SEARCH"} | ASKED_FOR_MAPS, "what -v says is kept")
            equal(monitor.stop(), 0, "exit status")


@check("base")
def another_user_has_the_live_view_and_a_report_too():
    client, server = connected()
    with client, server, Terminal(columns=120, rows=30) as terminal:
        terminal.run(f"clear; {MONITOR} -o live -i 0.5 --user {USER}")
        terminal.wait_for_text(ends_of(client)[0])
        terminal.press("q")
        terminal.run('echo "status $?"')
        terminal.wait_for_text("status 0\n")
    status, page, errors = run("-o", "report", "-c", "2", "-i", "0.2", "--user", USER)
    equal((status, errors), (0, ""), "exit status, standard error")
    contains(page, "</html>")


@check("base")
def a_user_that_is_not_there_and_a_directory_closed_to_it_are_errors_at_once():
    nothing_but_a_sentence(64, "--user nobody_of_that_name: there is no such user", "--user", "nobody_of_that_name")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        nothing_but_a_sentence(74, f"--record: cannot open {place}/recording.new: Permission denied (as user {USER}, by --user;", "--user", USER,
                               "--record", f"{place}/recording")
        equal(os.listdir(place), [], "files")


@check("base", "numbers", "newest")
def root_records_where_the_directory_is_another_users_and_leaves_nothing_else_there():
    with tempfile.TemporaryDirectory() as place:
        os.chown(place, 1000, 1000)
        file = f"{place}/recording"
        for mode, more in ((0o700, {"CAP_DAC_OVERRIDE"}), (0o777, set())):
            os.chmod(place, mode)
            with Monitor("-v", "-i", "0.2", "-o", "line", "--record", file, *SMALL) as monitor:
                monitor.next_snapshot()
                keeps(monitor.process.pid, ASKED_FOR_MAPS | more)
                equal(says_it_keeps(monitor.stderr()), ASKED_FOR_MAPS | more, "what -v says is kept")
                equal(monitor.stop(), 0, "exit status")
            equal(os.listdir(place), ["recording"], f"files in a directory of mode {mode:o}")
            is_whole(file)
            gc.collect()  # it closes Python's own connection, which would keep SQLite's files
        equal(asked(file, "SELECT count(*) FROM runs"), [(2,)], "runs")


@check("numbers", "newest")
def with_two_capabilities_only_nothing_is_kept_that_was_not_there():
    with Monitor("-v", "-i", "0.2", "--attach", "fentry", prefix=TWO_CAPABILITIES) as monitor:
        monitor.next_snapshot()
        kept = f"{sum(1 << CAPABILITIES[name] for name in ASKED_FOR_MAPS):016x}"
        status = status_of(monitor.process.pid)
        equal({name: status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "NoNewPrivs")},
              {"CapEff": kept, "CapPrm": kept, "CapInh": "0" * 16, "CapAmb": "0" * 16, "NoNewPrivs": "1"}, "capabilities")
        equal(says_it_keeps(monitor.stderr()), ASKED_FOR_MAPS, "what -v says is kept")
        assert "warning" not in monitor.stderr(), monitor.stderr()
        equal(monitor.stop(), 0, "exit status")


@check("base")
def explain_names_what_is_kept_as_the_monitor_does():
    output = run("--explain")[1]
    contains(output, "Of the privileges, kept once the hooks are attached:")
    equal(set(re.findall(r"^  (CAP_\w+) ", output, re.MULTILINE)), FOR_NAMESPACES, "capabilities")
    assert "CAP_DAC_READ_SEARCH" not in run("--explain", *SMALL)[1]
