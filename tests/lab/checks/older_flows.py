"""Flows that were there before the monitor, and what ss says of all of them."""
import os
import re
import subprocess
from contextlib import ExitStack

from harness import LIMIT_S, PROGRAMS, Killed, Monitor, Skipped, check, equal, helper, run, sh, wait_for
from namespaces import Namespaces, in_namespace, netns_inode, nstat
from snapshot import Flow, beside_probes, words_of_comment
from transfers import Echo


SS_FIELD = re.compile(r"(?P<name>[a-z_]+):(?P<value>[^ ]+)")


def ss_info(namespace):
    """What `ss -tin` says of each connection, by its ends, under our names."""
    found = {}
    for line in in_namespace(namespace, "ss -tinOH state connected exclude time-wait exclude syn-recv").splitlines():
        words = line.split()
        _, _, local, remote = words[1:5] if not words[0].isdigit() else [None, *words[:4]][-4:]
        info = {match["name"]: match["value"] for match in SS_FIELD.finditer(" ".join(words[4:]))}
        rtt, rttvar = (float(part) for part in info.get("rtt", "0/0").split("/"))
        retrans = info.get("retrans", "0/0").split("/")
        values = {
            "rtt_us": round(rtt * 1000), "rttvar_us": round(rttvar * 1000), "retr": int(retrans[1]),
            "retrans_now": int(retrans[0]), "cwnd": int(info["cwnd"]), "mss": int(info["mss"]),
            "rto_us": round(float(info["rto"]) * 1000),
            "min_rtt_us": round(float(info["minrtt"]) * 1000) if "minrtt" in info else None,
            "ssthresh": int(info["ssthresh"]) if "ssthresh" in info else None,
            "busy_us": int(info.get("busy", "0ms").split("ms")[0]) * 1000,
        }
        for name, ss_name in (("bytes_acked", "bytes_acked"), ("bytes_received", "bytes_received"),
                              ("bytes_retrans", "bytes_retrans"), ("segs_out", "segs_out"), ("segs_in", "segs_in"),
                              ("pkts", "data_segs_out"), ("data_segs_in", "data_segs_in"), ("delivered", "delivered"),
                              ("notsent", "notsent"), ("unacked", "unacked"), ("sacked", "sacked"),
                              ("lost_now", "lost"), ("dsack_dups", "dsack_dups"), ("reord_seen", "reord_seen"),
                              ("rcv_ooopack", "rcv_ooopack"), ("snd_wnd", "snd_wnd")):
            values[name] = int(info.get(ss_name, 0))
        values["reordering"] = int(info.get("reordering", 3))
        values["ca"] = next(name for name in ("cubic", "reno", "bbr", "dctcp") if name in words)
        rates = dict(re.findall(r"(pacing_rate|delivery_rate) (\d+)bps", line))
        # ss rounds bits per second down to whole ones, from bytes per second.
        values["delivery_rate"] = int(rates["delivery_rate"]) // 8 if "delivery_rate" in rates else None
        values["pacing_rate"] = int(rates["pacing_rate"]) // 8 if "pacing_rate" in rates else None
        values["app_limited"] = int("app_limited" in words)
        found[(local, remote)] = values
    return found


def ours(flow):
    """The same of a flow of ours."""
    values = {name: flow[name] for name in (
        "rttvar_us", "retrans_now", "mss", "rto_us", "min_rtt_us", "ssthresh", "busy_us", "bytes_acked",
        "bytes_received", "bytes_retrans", "segs_out", "segs_in", "data_segs_in", "delivered", "notsent", "unacked",
        "sacked", "lost_now", "dsack_dups", "reord_seen", "rcv_ooopack", "snd_wnd", "reordering", "delivery_rate",
        "pacing_rate", "app_limited")}
    values.update(rtt_us=flow.rtt_us, retr=flow.retr, cwnd=flow.cwnd, pkts=flow.pkts, ca=flow.further["ca"],
                  busy_us=values["busy_us"] // 1000 * 1000)
    return values


def differences(mine, theirs):
    return {name: (mine[name], value) for name, value in theirs.items() if mine[name] != value}


@check("truth", "numbers")
def flows_older_than_the_monitor_are_in_the_first_snapshot_as_ss_has_them():
    """500 of them in three namespaces, half without a byte ever sent."""
    spaces = {"a": 84, "b": 84, "lab": 82}
    with Namespaces("delay 1ms"), ExitStack() as stack:
        for name, number in spaces.items():
            holder = stack.enter_context(helper("holds_flows", number, number // 2, namespace=name if name != "lab" else None))
            equal(holder.stdout.readline(), "ready\n", "the holder of the flows")
        sh("mkdir -p /run/netns && touch /run/netns/lab && mount --bind /proc/self/ns/net /run/netns/lab")
        stack.callback(sh, "umount /run/netns/lab; rm -f /run/netns/lab")
        status, output, errors = run("-c", "1")
        equal((status, errors), (0, ""), "exit status, standard error")
        flows = [Flow(line) for line in output.splitlines() if line.startswith("sock=")]
        for line in output.splitlines():
            if line.startswith("#"):
                equal(beside_probes(words_of_comment(line)), {}, "comment line")
        compared = 0
        for name, number in spaces.items():
            inode = netns_inode(name)
            mine = {flow.ends: flow for flow in flows if flow["netns"] == inode}
            theirs = ss_info(name)
            equal(len(theirs), 2 * number, f"connection ends in {name}, says ss")
            equal(mine.keys(), theirs.keys(), f"connection ends in {name}")
            for ends, values in theirs.items():
                equal(differences(ours(mine[ends]), values), {}, f"fields of {mine[ends].line}")
                equal(mine[ends]["pid"] is not None and mine[ends].further["comm"], "python3", "comm")
                compared += 1
            for flow in mine.values():
                # Accepted by the application: 1 + 700 + 20000, or three answers of 6.
                expected = {"active": (0, 20701), "passive": (0, 18)}[flow.further["role"]]
                assert flow.bytes in expected, flow.line
        equal(compared, 500, "connection ends compared")


@check("truth", "numbers")
def every_field_of_ss_is_equal_or_within_what_the_kernel_changed_meanwhile():
    """Hundreds of flows under loss: ss before, a snapshot, ss after."""
    with Namespaces("delay 20ms loss 3%"), Echo("b"), Monitor("-i", "0.3") as monitor, \
            helper("sends_at_random", "10.9.0.2", namespace="a") as talker:
        equal(talker.stdout.readline(), "ready\n", "those who talk")
        inode = netns_inode("a")
        wait_for("losses", lambda: nstat("a")["TcpRetransSegs"] > 20)
        steady = compared = 0

        def enough():
            nonlocal steady, compared
            before = ss_info("a")
            flows = {flow.ends: flow for flow in monitor.next_snapshot() if flow["netns"] == inode}
            after = ss_info("a")
            in_all = before.keys() & flows.keys() & after.keys()
            assert len(in_all) >= 150, f"{len(in_all)} connections in all three"
            for ends in in_all:
                stood_still, in_between = compare(before[ends], flows[ends], after[ends])
                steady += stood_still
                compared += in_between
            return steady >= 100 and compared
        wait_for("a hundred flows that stood still between ss and ss, and others that moved", enough, 3 * LIMIT_S)


GROWING = ("bytes_acked", "bytes_received", "bytes_retrans", "segs_out", "segs_in", "pkts", "data_segs_in", "delivered", "retr",
           "dsack_dups", "rcv_ooopack", "busy_us")


def compare(before, flow, after):
    """A flow's fields with what ss said before and after: whether it stood still, and how many of its fields can only be said to
    lie in between."""
    mine = ours(flow)
    still = all(before[name] == after[name] for name in ("segs_out", "segs_in"))
    in_between = 0
    for name, value in before.items():
        if still and value == after[name]:
            equal(mine[name], value, f"{name}, the same before and after, in {flow.line}")
        elif name in GROWING:
            assert value <= mine[name] <= after[name], f"{name}: {value} <= {mine[name]} <= {after[name]} in {flow.line}"
            in_between += 1
    return still and before["rtt_us"] == after["rtt_us"], in_between


@check("truth", "numbers")
def sockets_that_the_walk_of_the_kernel_skips_are_in_every_snapshot():
    """A namespace whose hash of connections has one bucket, and no listening socket: Linux from 5.15 on walks by all of them."""
    setting = "net.ipv4.tcp_child_ehash_entries"
    if not os.path.exists(f"/proc/sys/{setting.replace('.', '/')}"):
        raise Skipped(f"no {setting} before Linux 6.1")
    sh(f"sysctl -qw {setting}=1 && ip netns add one && sysctl -qw {setting}=0 && ip -n one link set lo up")
    try:
        inode = netns_inode("one")
        with helper("holds_flows", 20, 10, namespace="one") as holder:
            equal(holder.stdout.readline(), "ready\n", "the holder of the flows")
            theirs = ss_info("one")
            equal(len(theirs), 40, "connection ends, says ss")
            with Monitor("-i", "0.5") as monitor:
                for _ in range(4):  # a record that no walk came by twice would be gone
                    snapshot = monitor.next_snapshot()
                    mine = {flow.ends: flow for flow in snapshot if flow["netns"] == inode}
                    equal(mine.keys(), theirs.keys(), "connection ends")
                    equal({name: count for name, count in snapshot.missed.items() if name == "stale"}, {}, "stale ones")
                for ends, values in theirs.items():
                    equal(differences(ours(mine[ends]), values), {}, f"fields of {mine[ends].line}")
    finally:
        sh("ip netns del one")


@check("types", "newest")
def a_namespace_that_comes_while_the_monitor_runs_is_walked_from_its_first_connection_on():
    """By two names, then by processes alone, each of which goes and takes its namespace along. Before them there was one that
    cannot be found, whose number is free again then."""
    with Monitor("-i", "0.3") as monitor:
        monitor.next_snapshot()
        with helper("hides") as hiding:
            equal(hiding.stdout.readline(), "ready\n", "the hidden flow")
            monitor.wait_for_snapshot("it, not walked", lambda flows: flows.missed.get("unwalked") == 2)
        monitor.wait_for_snapshot("its end", lambda flows: not flows and not flows.missed.get("unwalked"))
        for name in ("late", "later", None, None):
            if name:
                sh(f"ip netns add {name}")
            within = ("ip", "netns", "exec", name) if name else ("unshare", "--net")
            before = len(monitor.snapshots)
            try:
                with Killed(*within, "sh", "-c", 'ip link set lo up && exec /usr/bin/python3 "$0" 3 1', f"{PROGRAMS}/holds_flows.py",
                            stdout=subprocess.PIPE, text=True) as holder:
                    equal(holder.stdout.readline(), "ready\n", "the holder of the flows")
                    inode = os.stat(f"/proc/{holder.pid}/ns/net").st_ino

                    def mine(flows):
                        return [flow for flow in flows if flow["netns"] == inode]
                    flows = mine(monitor.next_snapshot())
                    equal(sorted((flow.bytes, flow["bytes_received"]) for flow in flows),
                          [(0, 0)] * 2 + [(18, 20701)] * 2 + [(20701, 18)] * 2, "bytes sent and received of its flows")
                    equal({name: count for snapshot in monitor.snapshots[before:] for name, count in snapshot.missed.items()
                           if name == "unwalked"}, {}, "flows in a namespace that was not walked")
            finally:
                if name:
                    sh(f"ip netns del {name}")
            monitor.wait_for_snapshot("their end", lambda flows: not mine(flows))
        equal(monitor.stop(), 0, "exit status")


@check("types", "newest")
def refused_sockets_of_a_namespace_that_has_just_got_its_name_are_counted_at_once():
    with Monitor("-i", "0.3", "--port", "1") as monitor:
        monitor.next_snapshot()
        for name in ("late", "later"):
            sh(f"ip netns add {name} && ip -n {name} link set lo up")
            try:
                with helper("holds_flows", 3, 1, namespace=name) as holder:
                    equal(holder.stdout.readline(), "ready\n", "the holder of the flows")
                    equal(monitor.next_snapshot().missed.get("refused"), 6, "refused")
            finally:
                sh(f"ip netns del {name}")
            monitor.wait_for_snapshot("their end", lambda flows: not flows.missed.get("refused"))
        equal(monitor.stop(), 0, "exit status")
