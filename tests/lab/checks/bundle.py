"""The bundle, in a root file system that has nothing of what it brings: a Debian's ($TCP_STATS_ROOT), or busybox alone."""
import os
import shutil
import subprocess
import sys

from harness import LIMIT_S, MONITOR, Killed, check, contains, equal, sh, wait_for
from sockets import connected, ends_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "live"))
from terminal import Terminal  # noqa: E402

ROOT = os.environ.get("TCP_STATS_ROOT", "")
HOME = "/home/admin"


def root():
    """Where the root file system is, with the bundle in the home of a user who lets nobody else in."""
    place = ROOT
    if ROOT == "busybox":
        place = "/run/root"
        for directory in ("bin", "dev", "proc", "sys", "tmp", "var/cache"):
            os.makedirs(f"{place}/{directory}", exist_ok=True)
        shutil.copy("/bin/busybox", f"{place}/bin")
        if not os.path.exists(f"{place}/bin/sh"):
            os.symlink("busybox", f"{place}/bin/sh")
    if not os.path.exists(f"{place}{HOME}"):
        for system in ("dev", "proc", "sys"):
            sh(f"mount --rbind /{system} {place}/{system}")
        os.makedirs(f"{place}{HOME}")
        sh(f"mount --bind {os.path.dirname(MONITOR)} {place}{HOME}")
        os.chown(f"{place}/home", 1000, 1000)
        os.chmod(f"{place}/home", 0o700)
    return place


def command(options):
    return ["chroot", root(), "/bin/sh", "-c", f"cd {HOME} && exec ./tcp_stats_monitor {options}"]


def snapshot_of(options, here, there):
    """Taken; what was said on standard error. Both ends of the connection are in it."""
    done = subprocess.run(command(f"-c 1 {options}"), text=True, capture_output=True, timeout=LIMIT_S,
                          env={"PATH": os.environ["PATH"]})
    equal(done.returncode, 0, f"exit status, with {done.stderr}")
    for ends in (f" {here} -> {there} ", f" {there} -> {here} "):
        line = next((line for line in done.stdout.split("\n") if ends in line), done.stdout)
        contains(line, " state=ESTABLISHED ")
    return done.stderr


@check("bundle")
def the_bundle_compiles_shows_connections_and_keeps_what_it_compiled():
    client, server = connected()
    with client, server:
        here, there = ends_of(client)
        contains(snapshot_of("-v", here, there), "compiled, with types from the kernel's BTF")
        contains(snapshot_of("-v", here, there), " comes from /var/cache/tcp_stats_monitor/")


@check("bundle")
def the_bundle_runs_with_its_own_libraries_only():
    with Killed(*command("-i 0.2"), stdout=subprocess.PIPE, text=True) as monitor:
        wait_for("a snapshot", lambda: monitor.stdout.readline().startswith("[snapshot]"))
        with open(f"/proc/{monitor.pid}/maps") as maps:
            files = {line.split(maxsplit=5)[5].strip() for line in maps if "/" in line}
        contains(os.readlink(f"/proc/{monitor.pid}/exe"), "/tcp_stats_monitor.files/tcp_stats_monitor")
    names = {os.path.basename(file) for file in files if ".files/" in file}
    assert {"tcp_stats_monitor", "ld-linux-x86-64.so.2", "libc.so.6", "libstdc++.so.6"} <= names, f"mapped: {files}"
    libraries = {file for file in files if ".so" in file}
    equal({file for file in libraries if ".files/" not in file}, set(), "other libraries")


@check("bundle_alone")
def mistakes_with_the_bundle_are_said():
    alone = f"{root()}/tmp/tcp_stats_monitor"
    shutil.copy(MONITOR, alone)
    done = subprocess.run(["chroot", root(), "/tmp/tcp_stats_monitor", "--version"], capture_output=True, text=True)
    equal((done.returncode, done.stdout), (69, ""), "exit status, standard output")
    contains(done.stderr, "/tmp/tcp_stats_monitor.files cannot be opened; unpack the whole bundle")
    shutil.copytree(f"{MONITOR}.files", f"{alone}.files")
    done = subprocess.run(["chroot", root(), "/tmp/tcp_stats_monitor", "--version"], capture_output=True, text=True)
    equal((done.returncode, done.stderr), (0, ""), "exit status, standard error")
    contains(done.stdout, "\nLLVM ")
    for path in (f"{alone}.files", f"{alone}.files/tcp_stats_compile"):  # unpacked by a user whose files are closed
        mode = os.stat(path).st_mode
        os.chown(path, 1000, 1000)
        os.chmod(path, 0o700)
        done = subprocess.run(["chroot", root(), "/tmp/tcp_stats_monitor", "-c", "1"], capture_output=True, text=True)
        equal((done.returncode, done.stdout), (69, ""), "exit status, standard output")
        contains(done.stderr, "is closed to the compiler, which has no privileges; chmod -R go+rX it")
        os.chmod(path, mode)


@check("bundle_alone")
def the_live_view_of_the_bundle_knows_terminals():
    client, server = connected()
    with client, server, Terminal(columns=120, rows=30) as terminal:
        here, there = ends_of(client)
        terminal.run(" ".join([*command("")[:4], f"'cd {HOME}; ./tcp_stats_monitor -o live; echo status $?'"]))
        terminal.wait_for_text(f"{here} ")
        terminal.wait_for_text(f"{there} ")
        terminal.press("q")
        terminal.wait_for_text("status 0\n")
