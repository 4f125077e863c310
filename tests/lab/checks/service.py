"""The package's service under systemd. The root is booted for that (tests/package/run), so nothing else is there."""
import json
import os
import re
import shutil
import socket
from contextlib import ExitStack

from harness import HERE, bpf_programs, check, contains, equal, helper, sh, wait_for
from metrics import Samples, metrics_text
from namespaces import In

UNIT = "tcp_stats_monitor"
DEFAULTS = f"/etc/default/{UNIT}"
RECORDING = f"/var/lib/{UNIT}/connections.db"
CACHE = f"/var/cache/{UNIT}/service"


def options(text):
    with open(DEFAULTS, "w") as file:
        file.write(f'OPTIONS="{text}"\n')


def said(name):
    """What systemd says of the service."""
    return sh(f"systemctl show --property {name} --value {UNIT}").strip()


def journal(words=""):
    return sh(f"journalctl --unit {UNIT} --output cat --no-pager {words}")


def wait_for_start(after=None):
    """The process, once it has said that it is ready; not that one."""
    def ready():
        process = said("MainPID")
        return said("ActiveState") == "active" and process not in (after, "0") and process
    try:
        return wait_for("the service", ready)
    except AssertionError:
        raise AssertionError(f"{sh(f'systemctl status {UNIT} || true')}\n{journal()}")


def recorded(what):
    """What the recording answers."""
    return sh(f"sqlite3 {RECORDING} '{what}'").strip()


def wait_for_snapshots(run):
    """Of the service's run of that number."""
    wait_for("snapshots in the recording", lambda: int(recorded(f"SELECT count(*) FROM snapshots WHERE run = {run}")) > 2)


def programs():
    """Those of the service: systemd has some of its own, of other types."""
    return {program["id"] for program in bpf_programs() if program["type"] in ("kprobe", "tracing", "raw_tracepoint")}


def ends_in_order():
    return journal().count(f"{UNIT}.service: Deactivated successfully")


def kept_programs():
    """Compiled ones. A file that is made anew is another."""
    return {file.name: file.inode() for file in os.scandir(CACHE)}


def kprobes():
    with open("/sys/kernel/debug/kprobes/list") as file:
        return file.read()


def assert_ended_in_order():
    equal((said("Result"), said("ExecMainStatus")), ("success", "0"), "how the service ended")


@check("service")
def the_service_records_every_namespace_tells_systemd_of_it_and_leaves_nothing():
    equal((said("UnitFileState"), said("ActiveState")), ("disabled", "inactive"), "the service, installed")
    before = programs()
    options(f"--record {RECORDING} --keep 7d --metrics 9435 --metrics-by comm,netns")
    sh("ip netns add other && ip -n other link set lo up")
    with ExitStack() as stack:
        stack.enter_context(helper("echoes", namespace="other"))
        # Older than the service, and in a namespace that is not its own. Nothing is ever sent: whose it is, only the
        # walk over open files tells.
        with In("other"):
            stack.enter_context(wait_for("the server", connection))
        sh(f"systemctl start {UNIT}")  # comes back when the service says that it is ready
        equal(said("ActiveState"), "active", "the service, started")
        user = os.stat(f"/proc/{said('MainPID')}").st_uid
        assert user >= 61184, f"the service runs as the user {user}, which is not systemd's dynamic one"
        assert kprobes(), "there are no kprobes"
        wait_for("words of the service", lambda: re.fullmatch(r"\d+ flows in the last of \d+ snapshots", said("StatusText")))
        flow = wait_for("the connection in the recording", lambda: replayed("dport == 8000 and pid > 0"))
        equal(flow["netns"], os.stat("/run/netns/other").st_ino, "its namespace")
        equal((flow["pid"], flow["comm"]), (os.getpid(), "python3"), "its process")
        equal(flow["cgroup_path"], "/system.slice/lab.service", "its cgroup")
        other = str(os.stat("/run/netns/other").st_ino)
        equal(Samples(metrics_text()).sum("connections", netns=[other], state=["ESTABLISHED"]), 2,
              "open connections of the namespace in the metrics: both ends")
        assert_only_these_are_kept("dac_read_search", "sys_ptrace", "sys_admin")
        sh(f"systemctl stop {UNIT}")
    assert_ended_in_order()
    equal(programs() - before, set(), "BPF programs that stayed")
    equal(kprobes(), "", "kprobes that stayed")
    equal(os.stat(os.path.realpath(RECORDING)).st_mode & 0o777, 0o600, "who may read the recording")
    equal(journal("--priority warning"), "", "what the service complained of")


def assert_only_these_are_kept(*names):
    """Of the capabilities, as docs/privileges.md says."""
    numbers = {"dac_read_search": 2, "sys_ptrace": 19, "sys_admin": 21}
    with open(f"/proc/{said('MainPID')}/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines())
    kept = sum(1 << numbers[name] for name in names)
    for words in ("CapEff", "CapPrm"):
        equal(int(status[words], 16), kept, words)
    equal((status["CapInh"], status["CapAmb"], status["NoNewPrivs"]), ("0" * 16, "0" * 16, "1"), "CapInh, CapAmb, NoNewPrivs")


def connection():
    try:
        return socket.create_connection(("127.0.0.1", 8000))
    except ConnectionRefusedError:
        return None


def replayed(condition):
    """The flow for which this is true, of the last snapshot that has one."""
    lines = sh(f"tcp_stats_monitor --replay {RECORDING} --output json --where '{condition}'").splitlines()
    return next((flow for line in reversed(lines) for flow in json.loads(line)["flows"]), None)


@check("service")
def a_killed_service_is_started_anew_and_what_it_recorded_is_whole():
    run = int(recorded("SELECT max(id) FROM runs")) + 1
    sh(f"systemctl start {UNIT}")
    wait_for_snapshots(run)
    def snapshots():
        return Samples(metrics_text()).sum("snapshots_total")
    before = wait_for("snapshots in the metrics", lambda: snapshots() >= 10 and snapshots())
    killed = said("MainPID")
    sh(f"kill -9 {killed}")
    wait_for_start(after=killed)
    wait_for_snapshots(run + 1)
    assert snapshots() < before, "the counters of the metrics do not begin again"
    equal(said("NRestarts"), "1", "restarts")
    equal(recorded("PRAGMA integrity_check"), "ok", "the recording")
    equal(recorded(f"SELECT count(*) FROM runs WHERE id <= {run} AND end IS NULL"), "0", "runs without an end")


@check("service")
def a_reload_ends_the_service_in_order_and_starts_it_with_other_options():
    process, ended, programs = said("MainPID"), ends_in_order(), kept_programs()
    options(f"--record {RECORDING} --keep 7d --metrics 9435 --interval 0.5")
    sh(f"systemctl reload {UNIT}")
    wait_for_start(after=process)
    wait_for_snapshots(recorded("SELECT max(id) FROM runs"))
    contains(recorded("SELECT options FROM runs ORDER BY id DESC LIMIT 1"), "--interval 0.5")
    wait_for("its end in the journal", lambda: ends_in_order() == ended + 1)
    equal(kept_programs(), programs, "compiled programs: nothing is compiled anew")
    assert programs, "no compiled program is kept"


@check("service")
def a_hung_service_is_started_anew():
    drop_in = f"/run/systemd/system/{UNIT}.service.d"
    os.makedirs(drop_in)
    with open(f"{drop_in}/watchdog.conf", "w") as file:
        file.write("[Service]\nWatchdogSec=30\n")
    sh(f"systemctl daemon-reload && systemctl restart {UNIT}")
    hung = wait_for_start()
    sh(f"kill -STOP {hung}")
    wait_for_start(after=hung)
    shutil.rmtree(drop_in)
    sh(f"systemctl daemon-reload && systemctl stop {UNIT}")
    assert_ended_in_order()


@check("service")
def mistakes_in_the_options_are_errors_in_the_journal_and_not_tried_again():
    options("--interval never")
    equal(os.system(f"systemctl start {UNIT} 2>/dev/null") != 0, True, "it cannot be started")
    wait_for("the service to fail", lambda: said("ActiveState") == "failed")
    equal((said("ExecMainStatus"), said("NRestarts")), ("64", "0"), "exit status and restarts")
    last = wait_for("the message", lambda: journal(f"--output json --priority err SYSLOG_IDENTIFIER={UNIT}").splitlines()[-1:])[0]
    message = json.loads(last)
    equal((message["PRIORITY"], message["MESSAGE"][:18]), ("3", "error: --interval "), "the message")
    sh(f"systemctl reset-failed {UNIT}")


@check("service")
def the_service_has_no_more_rights_than_its_page_says():
    page = open(f"{HERE}/../../../docs/service.md").read()
    figure = re.search(r"overall exposure level[^:]*: ([\d.]+ \w+)", sh(f"systemd-analyze security --no-pager {UNIT} || true"),
                       re.IGNORECASE)
    assert figure, "systemd-analyze security has no figure"
    contains(page, figure[1])


@check("service")
def the_service_goes_the_way_of_its_package():
    options(f"--record {RECORDING} --keep 7d --metrics 9435 --metrics-by comm,netns")
    sh(f"systemctl restart {UNIT}")
    process = wait_for_start()
    sh("dpkg --force-confold --install /root/package.deb")  # an upgrade
    wait_for_start(after=process)
    sh("dpkg --remove tcp-stats-monitor")
    equal((said("ActiveState"), kprobes()), ("inactive", ""), "the service of a removed package, and its kprobes")
    equal(recorded("PRAGMA integrity_check"), "ok", "the recording")
    sh("dpkg --purge tcp-stats-monitor")
    leaves_nothing()
    # The options that come with it.
    sh("dpkg --install /root/package.deb")
    equal((said("UnitFileState"), said("ActiveState")), ("disabled", "inactive"), "the service, newly installed")
    with open(DEFAULTS) as file, open(f"{HERE}/../../../docs/service.md") as page:
        contains(page.read(), file.read().splitlines()[-1])
    sh(f"systemctl start {UNIT}")
    equal(said("ActiveState"), "active", "the service with its own options")
    sh("dpkg --purge tcp-stats-monitor")
    leaves_nothing()


def leaves_nothing():
    equal(sh(f"find /etc /var -xdev -name '*tcp[_-]stats*' -not -path '/var/log/*'"), "", "what the purge left")
