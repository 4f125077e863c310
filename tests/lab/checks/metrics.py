"""Metrics: what a real Prometheus has of them is what the kernel and the programs count."""
import ctypes
import errno
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from contextlib import ExitStack

from harness import (BUILD, LIMIT_S, MONITOR, Killed, check, contains, equal, run, sh, wait_for)
from namespaces import In, Namespaces, add_filter, in_namespace, netns_inode, nstat
from short_connections import short_connections
from transfers import iperf3

PORT, PROMETHEUS_PORT = 9435, 9090
DOCS = os.path.join(os.path.dirname(BUILD), "docs", "metrics")
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
TCP_SYNCNT = 7
JOB = 'job="tcp_stats_monitor"'


def metrics_text(port=PORT, host="127.0.0.1"):
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=LIMIT_S) as answer:
        return answer.read().decode()


def answers(host="127.0.0.1"):
    try:
        return metrics_text(host=host)
    except OSError:
        return None


class Samples:
    """Of one text."""

    def __init__(self, text):
        self.all = []
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.fullmatch(line).groups()
                self.all.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def sum(self, name, **labels):
        return sum(value for one, have, value in self.all
                   if one == f"tcpstats_{name}" and all(have.get(label) in wanted for label, wanted in labels.items()))


class Prometheus:
    """One that scrapes the monitor once a second, in a directory of its own."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        config = f"{self.directory.name}/prometheus.yml"
        with open(config, "w") as file:
            json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                       "rule_files": [f"{DOCS}/alerts.yml"],
                       "scrape_configs": [{"job_name": "tcp_stats_monitor",
                                           "static_configs": [{"targets": [f"127.0.0.1:{PORT}"]}]}]}, file)
        self.killed = Killed("prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.directory.name}/data",
                             f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}", stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)

    def __enter__(self):
        self.killed.__enter__()
        wait_for("Prometheus", self.is_ready)
        return self

    def __exit__(self, *_):
        self.killed.__exit__()
        self.directory.cleanup()

    def is_ready(self):
        try:
            return self.get("/-/ready")
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{PROMETHEUS_PORT}{path}", timeout=LIMIT_S) as answer:
            return answer.read().decode()

    def query(self, expression):
        """Its result; fails where Prometheus does not understand it."""
        try:
            answer = json.loads(self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        equal(answer["status"], "success", expression)
        return answer["data"]["result"]

    def grown(self, selector, over="1h", restarts=0):
        """By how much the counters grew, all together, from the samples themselves; a counter goes down when the monitor
        starts anew, and at no other time."""
        total = 0
        for series in self.query(f"{selector}[{over}]"):
            values = [float(value) for _, value in series["values"]]
            downs = sum(now < before for before, now in zip(values, values[1:]))
            assert downs <= restarts, f"{series['metric']} went down {downs} times: {values}"
            total += sum(now - before if now >= before else now for before, now in zip(values, values[1:]))
        # increase() makes of it what a whole hour would have had.
        asked = self.query(f"sum(increase({selector}[{over}]))")
        increase = float(asked[0]["value"][1]) if asked else 0
        assert total * 0.999 <= increase <= total * 1.2, f"increase() of {selector} is {increase}, the samples grew by {total}"
        return total


def fail_to_connect(times, port, syns=6, address="10.9.0.2"):
    """How often the application got which error, with so many SYNs sent again."""
    errors = Counter()
    for _ in range(times):
        with socket.socket() as client:
            client.setsockopt(socket.IPPROTO_TCP, TCP_SYNCNT, syns)
            try:
                client.connect((address, port))
            except OSError as error:
                errors[errno.errorcode[error.errno]] += 1
    return errors


class Nuisance:
    """Who sends garbage, never ends a request, and never reads an answer, until the end of the block."""

    def __init__(self):
        self.sockets, self.ends = [], threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.go_on)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()

    def go_on(self):
        """All at once; the server drops them in time, and they come again."""
        kinds = (b"\x16\x03\x01\xff\x00garbage\r\n\r\n", b"GET /" + b"a" * 100_000, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        while not self.ends.is_set():
            sockets = []
            for kind in kinds:
                nuisance = socket.socket()
                nuisance.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
                nuisance.settimeout(1)
                try:
                    nuisance.connect(("127.0.0.1", PORT))
                    nuisance.sendall(kind)
                except OSError:
                    pass  # refused, reset or slow: that is the server's right
                sockets.append(nuisance)
            self.ends.wait(5)
            for nuisance in sockets:
                nuisance.close()


@check("truth")
def a_prometheus_has_the_numbers_of_nstat_and_of_the_programs_over_a_restart_too():
    with ExitStack() as stack:
        stack.enter_context(Namespaces("delay 5ms loss 3%"))
        add_filter("b")
        in_namespace("b", "nft add rule inet lab input tcp dport 7 drop")
        in_namespace("b", "nft add rule inet lab input tcp dport 8 reject with icmp type host-unreachable")
        inodes = "|".join(str(netns_inode(name)) for name in ("a", "b"))
        here = f'netns=~"{inodes}"'
        prometheus = stack.enter_context(Prometheus())
        stack.enter_context(Nuisance())
        before = [nstat(name) for name in ("a", "b")]
        expected = Counter()
        for phase in range(2):
            with Killed(MONITOR, "--metrics", PORT, "--metrics-by", "netns,comm", "--listening", "--failed-connects",
                        "-i", "0.5") as monitor:
                wait_for("the monitor", lambda: answers())
                began = metrics_text().split("\nprocess_start_time_seconds ")[1].split()[0]
                wait_for("a scrape of this run", lambda: [
                    one for one in prometheus.query(f"process_start_time_seconds{{{JOB}}}") if float(one["value"][1]) == float(began)])
                result = iperf3("10.9.0.2", 5201, "2M")
                connections = short_connections(1000, namespace="a")
                expected["short"] += 1000
                expected["accepted"] += len(connections.accepted) + 2
                expected["resets"] += connections.resets
                expected["iperf3"] += result["end"]["sum_sent"]["bytes"]
                with In("a"):
                    equal(fail_to_connect(10, 9), {"ECONNREFUSED": 10}, "errors where nobody listens")
                    equal(fail_to_connect(2, 7, syns=1), {"ETIMEDOUT": 2}, "errors where nobody answers")
                    equal(fail_to_connect(3, 8), {"EHOSTUNREACH": 3}, "errors where a router says no")
                # All is over; what the monitor says now is what it will say at last.
                def closed():
                    ended = Samples(metrics_text()).sum("connections_ended_total", netns=inodes.split("|"))
                    return ended >= 1000 + len(connections.accepted) + 15 + 4
                wait_for("the ends of all connections", closed)
                time.sleep(1)
                text = metrics_text()
                last = Samples(text)
                for name in ("connections_ended_total", "sent_bytes_total", "retransmitted_segments_total"):
                    value = last.sum(name, netns=inodes.split("|"))
                    wait_for(f"{name} of {value} in Prometheus", lambda: sum(
                        float(one["value"][1]) for one in prometheus.query(f"tcpstats_{name}{{{here}}}")) == value)
                equal(sh("promtool check metrics 2>&1", input=text), "", "what promtool says of the metrics")
                expect_all_questions_answered(prometheus, text)
                expect_no_capability_of_threads(monitor.pid)
                monitor.terminate()
                equal(monitor.wait(LIMIT_S), 0, "exit status")
        after = [nstat(name) for name in ("a", "b")]

        def kernel(name):
            return sum(now[name] - then[name] for now, then in zip(after, before))

        def grown(name, *labels):
            return prometheus.grown(f"tcpstats_{name}{{{','.join((here, *labels))}}}", restarts=1)
        equal(grown("retransmitted_segments_total"), kernel("TcpRetransSegs"), "segments sent again, and TcpRetransSegs")
        equal(grown("retransmitted_segments_total", 'cause="fast"'), kernel("TcpExtTCPFastRetrans"), "in fast recovery")
        equal(grown("retransmitted_segments_total", 'cause="syn"'), kernel("TcpExtTCPSynRetrans"), "SYNs")
        equal(grown("connections_opened_total", 'role="active"'), kernel("TcpActiveOpens"), "active, and TcpActiveOpens")
        # Two ACKs of one request, on two CPUs, are two opens for the kernel, of which one is undone at once.
        passive = grown("connections_opened_total", 'role="passive"')
        assert expected["accepted"] <= passive <= kernel("TcpPassiveOpens"), \
            f"{expected['accepted']} were accepted, {passive} opened, TcpPassiveOpens is {kernel('TcpPassiveOpens')}"
        equal(grown("connections_failed_total"), kernel("TcpAttemptFails"), "failed, and TcpAttemptFails")
        for error, count in (("ECONNREFUSED", 20), ("ETIMEDOUT", 4), ("EHOSTUNREACH", 6)):
            equal(grown("connections_failed_total", f'error_type="{error}"'), count, f"failed with {error}")
        equal(grown("sent_bytes_total", 'comm="short_connectio"'), 1000 * expected["short"], "bytes of short connections")
        ends, least = grown("connections_ended_total", 'comm="short_connectio"'), expected["short"] + expected["accepted"] - 4
        assert least <= ends <= least + expected["resets"], f"{ends} ends of {least}, with {expected['resets']} resets"
        sent = grown("sent_bytes_total", 'comm="iperf3"')
        assert expected["iperf3"] <= sent <= expected["iperf3"] + 50_000, \
            f"iperf3 sent {expected['iperf3']} and what it says beside, the metrics have {sent}"
        equal(grown("handshake_duration_seconds_count"), expected["short"] + 4 + passive, "handshakes, of both ends")


def expect_no_capability_of_threads(process):
    """Which serve the metrics; the first one is the monitor's own."""
    threads = [thread for thread in os.listdir(f"/proc/{process}/task") if int(thread) != process]
    assert len(threads) >= 2, f"threads: {threads}"
    for thread in threads:
        with open(f"/proc/{process}/task/{thread}/status") as file:
            for words in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
                file.seek(0)
                contains(file.read(), f"{words}:\t{0:016x}\n")


def expect_all_questions_answered(prometheus, text):
    """Those of the dashboard, of the alerts and of the page about metrics; they ask for what there is."""
    with open(f"{DOCS}/dashboard.json") as file:
        dashboard = json.load(file)
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    with open(f"{DOCS}/../metrics.md") as file:
        questions = re.findall(r"```promql\n(.*?)```", file.read(), re.DOTALL)
    assert len(expressions) >= 10 and len(questions) >= 10, f"{len(expressions)} expressions, {len(questions)} questions"
    for expression in expressions + questions:
        for name in re.findall(r"tcpstats_\w+", expression):
            contains(text, f"# TYPE {re.sub('_(bucket|count|sum)$', '', name)} ")
        prometheus.query(expression.replace("$__rate_interval", "30s").replace("$instance", ".*").replace("$comm", ".*"))
    rules = json.loads(prometheus.get("/api/v1/rules"))["data"]["groups"]
    for rule in (rule for group in rules for rule in group["rules"]):
        wait_for(f"the rule {rule['name']} to be asked", lambda: next(
            one["health"] for group in json.loads(prometheus.get("/api/v1/rules"))["data"]["groups"]
            for one in group["rules"] if one["name"] == rule["name"]) == "ok")
    assert rules, "Prometheus has no rules"


@check("base")
def where_metrics_cannot_be_served_one_sentence_says_why():
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections to a server before are in TIME_WAIT
        taken.bind(("127.0.0.1", PORT))
        taken.listen()
        for arguments, status, words in (
                (("--metrics", str(PORT)), 75, f"--metrics {PORT}: another process listens there"),
                (("--metrics", "192.0.2.1:9000"), 75, "that address is not this host's"),
                (("--metrics", "9436", "--metrics-by", "rtt_us"), 64, "--metrics-by rtt_us: that measures something")):
            found, output, errors = run(*arguments)
            equal((found, output), (status, ""), f"status and output of {arguments}")
            contains(errors, words)


@check("base")
def metrics_are_served_by_ipv6_where_civetweb_does():
    where = f"[::1]:{PORT}"
    ipv6 = 8  # of mg_check_feature()
    if not ctypes.CDLL("libcivetweb.so.1").mg_check_feature(ipv6):  # Debian 12's
        found, output, errors = run("--metrics", where)
        equal((found, output), (64, ""), "status and output")
        contains(errors, "serves no IPv6; give an address of IPv4")
        return
    with Killed(MONITOR, "--metrics", where, stdout=subprocess.DEVNULL):
        wait_for("an answer by IPv6", lambda: answers("[::1]"))
        equal(answers(), None, "what is served at 127.0.0.1")
