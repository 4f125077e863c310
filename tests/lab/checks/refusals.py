"""What the system refuses: the sentence names the reason and what works, and what it names does work."""
import re

from harness import KERNEL, Monitor, check, contains, equal, run, sh, wait_for

LOCKDOWN = "/sys/kernel/security/lockdown"
WITHOUT_CAP_SYS_RESOURCE = ("setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource")


def locked_down_kernel_is_named(prefix, *options):
    status, output, errors = run("-c", "1", *options, prefix=prefix)
    equal((status, output), (69, ""), f"exit status and output, with {errors}")
    contains(errors, "error: this kernel is locked down for confidentiality (/sys/kernel/security/lockdown): no program may read its memory")


@check("lockdown")
def a_lockdown_for_confidentiality_is_named_and_not_taken_for_the_programs_fault():
    contains(open(LOCKDOWN).read(), "[confidentiality]")
    # Where the file cannot be seen, the verifier's words tell.
    for prefix in ((), ("unshare", "-m", "sh", "-c", 'umount /sys/kernel/security && exec "$@"', "sh")):
        for how in ("kprobe", "fentry"):
            locked_down_kernel_is_named(prefix, "--attach", how)


@check("base", "numbers", "newest")
def for_too_many_flows_the_error_names_the_option_and_what_it_names_works():
    available_mb = int(re.search(r"MemAvailable: +(\d+)", open("/proc/meminfo").read())[1]) // 1000
    for asked in (1_000_000_000, 20_000_000):
        status, output, errors = run("--max-flows", str(asked), "-c", "1")
        equal((status, output), (64, ""), f"exit status and output, with {errors}")
        found = re.search(rf"error: --max-flows {asked}: (there is no memory|this kernel has no map) for so many flows of (\d+) bytes \(flow_stats: .*\); (\d+) at most", errors)
        assert found, f"not what was expected: {errors}"
        assert int(found[3]) * int(found[2]) < available_mb * 1_000_000, f"more than {available_mb} MB: {errors}"
    with Monitor("-i", "0.5", "--max-flows", found[3]) as monitor:
        monitor.next_snapshot()
        equal(monitor.stop(), 0, "exit status")


@check("numbers")
def where_locked_memory_is_limited_the_error_names_the_limit():
    """Before Linux 5.11 it is what maps are charged to; who has no CAP_SYS_RESOURCE cannot raise it."""
    def limited(kib, *options):
        return run("-c", "1", *options, prefix=("prlimit", f"--memlock={kib * 1024}:{kib * 1024}", *WITHOUT_CAP_SYS_RESOURCE))
    status, output, errors = limited(64)
    if KERNEL != "5.10":
        equal(status, 0, f"exit status where maps are not charged to it, with {errors}")
        return
    equal((status, output), (69, ""), f"exit status and output, with {errors}")
    contains(errors, "error: the limit of locked memory (ulimit -l, 64 KiB) has no room for the maps, some ")

    # The kernel takes the maps of a process that has ended off its user's account a little later.
    def complaint():
        status, output, errors = limited(100_000, "--max-flows", "1000000")
        equal((status, output), (69, ""), f"exit status and output, with {errors}")
        return re.search(r"error: --max-flows 1000000: the limit of locked memory \(ulimit -l, 100000 KiB\) has no room for so many "
                         r"flows, some \d+ MB \(flow_stats: .*\); raise it, or make do with (\d+) at most", errors)
    found = wait_for("the error that names how many", complaint)
    wait_for(f"a start with {found[1]}", lambda: limited(100_000, "--max-flows", found[1])[0] == 0)


@check("numbers")
def where_too_few_files_may_be_open_the_limit_is_raised_or_named():
    few = ("prlimit", "--nofile=16:16")
    equal(run("-c", "1", prefix=few)[::2], (0, ""), "exit status and errors with CAP_SYS_RESOURCE")
    equal(run("-c", "1", prefix=("prlimit", "--nofile=16:1000", "--memlock=unlimited", *WITHOUT_CAP_SYS_RESOURCE))[::2], (0, ""),
          "exit status and errors below the hard limit")
    equal(run("-c", "1", prefix=(*few, *WITHOUT_CAP_SYS_RESOURCE)), (69, "", "tcp_stats_monitor: error: too few files may be open "
          "(ulimit -n, 16); raise it to 128\n"), "exit status, output and errors")


@check("numbers")
def where_ftrace_is_off_the_error_says_so_or_it_does_not_matter():
    before = sh("sysctl -n kernel.ftrace_enabled").strip()
    sh("sysctl -qw kernel.ftrace_enabled=0")
    try:
        for how in ("kprobe", "fentry"):
            status, _, errors = run("-c", "1", "--attach", how)
            if status != 0:
                equal((how, KERNEL, status), ("fentry", "5.10", 69), f"mechanism, kernel and exit status, with {errors}")
                contains(errors, "kernel.ftrace_enabled is 0; set it to 1 (sysctl), or try --attach kprobe")
    finally:
        sh(f"sysctl -qw kernel.ftrace_enabled={before}")
