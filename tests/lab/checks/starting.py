"""How it starts: the compiler is a process without privilege, and a second start does not need it."""
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress

from harness import MONITOR, PROGRAMS, Killed, Monitor, check, contains, equal, programs_of_bpf, run, wait_for

CACHE = "/var/cache/tcp_stats_monitor"
SMALL = ("--src", f"{PROGRAMS}/original.c")  # compiles soon


def kept():
    return set(glob.glob(f"{CACHE}/*.program"))


def empty_the_cache():
    for file in kept():
        os.unlink(file)


def compilers():
    """Pids of the processes that compile."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/comm", "rb") as name:
            if name.read() == b"tcp_stats_compi\n":  # as the kernel cuts it off
                found.append(int(pid))
    return found


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def says(*options, prefix=(), env=None):
    """A start that must show a snapshot, whatever else; what it says of itself."""
    status, output, errors = run("-v", "-c", "1", *SMALL, *options, prefix=prefix, env=env)
    equal(status, 0, f"exit status, with {errors}")
    contains(output, "[snapshot]")
    return errors


def says_and_keeps(count, *options):
    """What it says, and that it keeps so many programs that were not kept before."""
    before = kept()
    words = says(*options)
    new = kept() - before
    assert len(new) == count, f"{count} expected, but kept: {[(file, os.stat(file)) for file in new]}, and said: {words}"
    return words


@check("starting", "numbers", compiles_here=True)
def a_second_start_does_not_compile_unless_it_is_asked_to():
    wait_for("the end of compilers of others", lambda: not compilers())
    empty_the_cache()
    assert " comes from " not in says_and_keeps(1), "the first start found a program"
    contains(says_and_keeps(0), f"original.c comes from {CACHE}/")
    assert " comes from " not in says_and_keeps(0, "--no-cache"), "--no-cache used the cache"
    assert " comes from " not in says_and_keeps(1, "-D", "ANYTHING"), "another definition found a program"


@check("starting")
def a_cache_that_cannot_be_used_costs_a_compile_and_nothing_else():
    empty_the_cache()
    says()
    file, = kept()
    with open(file, "rb") as stream:
        whole = stream.read()

    def damaged(what, contents, words):
        with open(file, "wb") as stream:
            stream.write(contents)
        errors = says()
        contains(errors, words)
        assert " comes from " not in errors, f"{what}: {errors}"
        contains(says(), " comes from ")  # it was kept anew
    unusable = "is not used: it is damaged, or of another version"
    damaged("cut off", whole[:len(whole) // 2], unusable)
    damaged("empty", b"", unusable)
    middle = len(whole) // 2
    damaged("a flipped bit", whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:], unusable)
    damaged("another version", whole.replace(b"program 1\n", b"program 0\n", 1), unusable)
    # Behind the first line: what it depends on, the kernel among it.
    line = whole.index(b"\n") + 1
    damaged("of another kernel", whole[:line] + bytes([whole[line] ^ 1]) + whole[line + 1:], unusable)
    os.chown(file, 65534, 65534)
    contains(says(), "is not used: Operation not permitted")
    os.unlink(file)

    for command, words in ((f"mount -t tmpfs -o size=4k,mode=700 tmpfs {CACHE}", "is not kept in"),
                           (f"mount -t tmpfs -o ro,mode=700 tmpfs {CACHE}", "is not kept in"),
                           (f"mount -t tmpfs -o mode=777 tmpfs {CACHE}", "is somebody else's, or others may write to it"),
                           (f"mount -t tmpfs -o uid=65534 tmpfs {CACHE}", "is somebody else's, or others may write to it"),
                           ("mount -t tmpfs -o ro tmpfs /var/cache", "cannot use")):
        contains(says(prefix=["unshare", "-m", "sh", "-c", f'{command} && exec "$@"', "sh"]), words)


@check("starting", compiles_here=True)
def the_compiler_has_no_capability_and_its_files_are_its_own_and_gone_afterwards():
    with tempfile.TemporaryDirectory() as directory, Monitor("--no-cache", banner=False, env={"TMPDIR": directory}) as monitor:
        def at_work():
            return os.listdir(directory) and compilers()
        pid, = wait_for("the compiler at work", at_work)
        os.kill(pid, signal.SIGSTOP)
        status = status_of(pid)
        equal({name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
              dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16), "capabilities")
        equal(status["NoNewPrivs"], "1", "no_new_privs")
        name, = os.listdir(directory)
        equal(os.stat(f"{directory}/{name}").st_mode & 0o777, 0o700, "mode of the directory")
        os.kill(pid, signal.SIGCONT)
        monitor.wait_for_banner()
        equal((os.listdir(directory), compilers()), ([], []), "left after the compile")
        with open(f"/proc/{monitor.process.pid}/maps") as maps:
            libraries = maps.read()
        assert not any(name in libraries for name in ("libbcc", "libLLVM", "libclang")), "the monitor has a compiler"
        equal(monitor.stop(), 0, "exit status")
        run("--src", f"{PROGRAMS}/stack_too_large.c", env={"TMPDIR": directory})
        equal(os.listdir(directory), [], "left after a compile that failed")
    status, _, errors = run("-c", "1", "--no-cache", prefix=["unshare", "-m", "sh", "-c",
                                                             'mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && exec "$@"', "sh"])
    equal(status, 69, "exit status")
    contains(errors, "set TMPDIR to a directory")


@check("starting", compiles_here=True)
def the_compiler_starts_where_only_root_may_look():
    """It is root without privileges: what another user has closed is closed to it, and what started the monitor is not."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        build = f"{home}/build"
        os.mkdir(build)
        for program in ("tcp_stats_monitor", "tcp_stats_compile"):
            shutil.copy(os.path.join(os.path.dirname(MONITOR), program), build)
        os.mkdir(f"{home}/tmp")
        for directory in (f"{home}/tmp", home):
            os.chmod(directory, 0o700)
            os.chown(directory, 65534, 65534)
        ignoring = ["env", "--ignore-signal=CHLD"]
        command = [*ignoring, f"{build}/tcp_stats_monitor", "-v", "-c", "1", *SMALL]
        for tmpdir in (f"{home}/tmp", f"{home}/missing"):
            for words in ("compiled, with types from", " comes from "):
                done = subprocess.run(command, env=dict(os.environ, TMPDIR=tmpdir), capture_output=True, text=True)
                equal(done.returncode, 0, f"exit status, with {done.stderr}")
                contains(done.stderr, words)
            empty_the_cache()
        equal(os.listdir(f"{home}/tmp"), [], "in the other user's directory")
        os.chmod(f"{build}/tcp_stats_compile", 0o711)
        done = subprocess.run([*command, "--no-cache", "-D", "X=1"], capture_output=True, text=True)
        equal(done.returncode, 0, f"exit status, with {done.stderr}")


@check("starting", compiles_here=True)
def a_signal_of_somebody_ends_the_compiler_with_a_sentence():
    for number in (signal.SIGTERM, signal.SIGHUP):
        with Monitor("--no-cache", banner=False) as monitor:
            pid, = wait_for("the compiler", compilers)
            os.kill(pid, number)
            equal(monitor.process.wait(), 69, "exit status")
            contains(monitor.stderr(), "was ended by somebody's signal; start again")


@check("starting", compiles_here=True)
def a_pinned_map_is_made_once_and_taken_where_it_is_the_same():
    with open(SMALL[1]) as file:
        text = file.read()
    directory = "/sys/fs/bpf/tcp_stats_check"
    pin = f"{directory}/flow_stats"

    def run_pinned(entries):
        with tempfile.NamedTemporaryFile("w", suffix=".c") as program:
            pinned = text.replace("BPF_HASH(flow_stats, u64, struct flow_stats_t, 16384);",
                                  f'BPF_TABLE_PINNED("hash", u64, struct flow_stats_t, flow_stats, {entries}, "{pin}");')
            assert pinned != text
            program.write(pinned)
            program.flush()
            return run("-c", "1", "--src", program.name)
    try:
        for _ in range(2):
            status, output, errors = run_pinned(1000)
            equal((status, errors), (0, ""), "exit status, standard error")
            contains(output, "[snapshot]")
            assert os.path.exists(pin), "not pinned"
        status, _, errors = run_pinned(2000)
        equal(status, 65, "exit status")
        contains(errors, f"the map pinned at {pin} is another one than flow_stats of")
        shutil.rmtree(directory)  # as a boot does; that program is kept, and libbcc made the directory when it compiled
        equal(run_pinned(2000)[0], 0, "exit status without the directory")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@check("starting", compiles_here=True)
def whoever_is_killed_during_a_compile_nothing_is_left():
    before = programs_of_bpf()
    with tempfile.TemporaryDirectory() as directory:
        env = dict(os.environ, TMPDIR=directory)
        command = [MONITOR, "--no-cache", "-c", "1", *SMALL]
        start = time.monotonic()
        subprocess.run(command, env=env, check=True, capture_output=True)
        whole = time.monotonic() - start
        at_work = 0
        for moment in range(10):
            for victims in ("monitor", "compiler", "both"):
                with Killed(*command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as monitor:
                    time.sleep(whole * moment / 10)
                    pids = compilers()
                    at_work += bool(pids)
                    for pid in (pids if victims != "monitor" else []) + ([monitor.pid] if victims != "compiler" else []):
                        try:
                            os.kill(pid, signal.SIGKILL)
                        except ProcessLookupError:
                            pass
                    _, errors = monitor.communicate()
                    if victims == "compiler" and pids and monitor.returncode != 0:
                        equal(monitor.returncode, 69, f"exit status with {errors}")
                        contains(errors, "was killed, as happens when memory runs out")
                    wait_for(f"the end of the compiler when {victims} was killed", lambda: not compilers())
                if victims == "both":  # a directory may be left until the next start
                    subprocess.run([MONITOR, "-c", "1", *SMALL], env=env, check=True, capture_output=True)
                wait_for(f"the directory to go when {victims} was killed at {moment} tenths",
                         lambda: not os.listdir(directory))
        assert at_work > 6, f"the compiler was at work at {at_work} of 30 moments"
    wait_for("the kernel to free the programs", lambda: programs_of_bpf() <= before)


@check("starting", compiles_here=True)
def ctrl_c_during_a_compile_ends_it_at_once():
    """Long before the compile would have been over: nothing but the last word is shown."""
    with tempfile.TemporaryDirectory() as directory:
        for moment in (0.1, 0.5, 1):
            with Monitor("--no-cache", banner=False, env={"TMPDIR": directory}) as monitor:
                pid, = wait_for("the compiler", compilers)
                time.sleep(moment)
                os.kill(pid, signal.SIGSTOP)  # it will never be done
                start = time.monotonic()
                equal(monitor.stop(), 0, "exit status")
                print(f"        (ended after {time.monotonic() - start:.2f} s)")
                equal((monitor.lines, monitor.stderr()), (["Exiting"], ""), "standard output, standard error")
            wait_for("the end of the compiler", lambda: not compilers())
            equal(os.listdir(directory), [], "left of its files")


@check("starting", compiles_here=True)
def without_a_compiler_everything_works_that_needs_none():
    with tempfile.TemporaryDirectory() as directory:
        alone = f"{directory}/tcp_stats_monitor"
        shutil.copy(MONITOR, alone)
        for option in ("--help", "--list-fields", "--print-src", "--version", "--explain"):
            done = subprocess.run([alone, option], capture_output=True, text=True)
            equal((done.returncode, done.stderr), (0, ""), f"exit status, standard error of {option}")
            assert done.stdout, f"nothing said by {option}"
        contains(subprocess.run([alone, "--version"], capture_output=True, text=True).stdout, "the compiler ")
        done = subprocess.run([alone, "-c", "1"], capture_output=True, text=True)
        equal((done.returncode, done.stdout), (69, ""), "exit status, standard output")
        contains(done.stderr, "tcp_stats_compile is missing; install tcp_stats_monitor anew, with the package libbpfcc")

        shutil.copy(os.path.join(os.path.dirname(MONITOR), "tcp_stats_compile"), directory)
        libraries = glob.glob("/usr/lib/*/libbcc.so*")
        try:
            for library in libraries:
                os.rename(library, f"{library}.away")
            done = subprocess.run([alone, "-c", "1"], capture_output=True, text=True)
            equal((done.returncode, done.stdout), (69, ""), "exit status, standard output without libbcc")
            contains(done.stderr, "the compiler cannot start: libbcc.so.0 is missing; install the package libbpfcc")
            contains(subprocess.run([alone, "--version"], capture_output=True, text=True).stdout, "libbcc.so.0 is missing")
        finally:
            for library in libraries:
                os.rename(f"{library}.away", library)
