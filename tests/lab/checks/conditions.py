"""Conditions that the kernel decides: what they keep out of the table, and that they say what the snapshot's say."""
import json
import os
import random
import subprocess

from harness import MONITOR, PROGRAMS, Killed, Monitor, bpf_maps, check, contains, equal, run, sh, wait_for
from sockets import connected, connections, end, listening, raise_file_limit, receive


def table_entries():
    table, = bpf_maps("flow_stats")
    return len(json.loads(sh(f"bpftool --json map dump id {table['id']}")))


@check("types", "newest")
def of_two_thousand_flows_twenty_that_are_wanted_cost_twenty_records():
    raise_file_limit()
    inode = os.stat("/proc/self/ns/net").st_ino
    for mechanism in ("kprobe", "fentry"):
        with listening() as wanted, listening() as other:
            pairs = connections(wanted, 20) + connections(other, 980)
            port = wanted.getsockname()[1]
            condition = f"dport == {port} and saddr in 127.0.0.0/8 and netns == {inode} and cgroup and bytes < 1MB"
            with Monitor("-i", "0.3", "--attach", mechanism, "--kernel-types", "btf", "--where", condition) as monitor:
                flows = monitor.next_snapshot()
                equal({flow.local for flow in flows}, {end(client.getsockname()) for client, _ in pairs[:20]}, "flows")
                equal(flows.missed_beside_probes, {"refused": 1980}, "comment line")
                for _ in range(3):  # after the walk over open files too
                    equal(monitor.next_snapshot().missed_beside_probes, {"refused": 1980}, "comment line later")
                equal(table_entries(), 20, "entries of flow_stats")

                # While it runs: those whose port is not known when they begin, and what happens to refused ones.
                late = connections(wanted, 5) + connections(other, 40)
                for client, server in pairs + late:
                    client.send(b"x")
                    server.send(b"y")
                monitor.wait_for_snapshot("all 25", lambda flows: len(flows) == 25 and all(f.bytes == 1 for f in flows)
                                          and flows.missed_beside_probes == {"refused": 2065})
                equal(table_entries(), 25, "entries of flow_stats")
                for client, server in pairs + late:
                    client.close()
                    server.close()
                monitor.wait_for_snapshot("an empty table", lambda flows: not flows)
                equal(len(monitor.closed()), 25, "last records")
                equal({flow.remote for flow in monitor.closed()}, {f"127.0.0.1:{port}"}, "their other ends")
                equal([name for name in ("unrecorded", "found_by_walk", "stale") if monitor.missed(name)], [], "missed")
                equal(monitor.stop(), 0, "exit status")


def random_condition(dice, flows, depth=3):
    """Over what the flows have, and a little beside it."""
    if depth and dice.random() < 0.6:
        inner = [f"({random_condition(dice, flows, depth - 1)})" for _ in range(2)]
        return dice.choice([" and ", " or "]).join(inner) if dice.random() < 0.8 else f"not {inner[0]}"
    field = dice.choice(["saddr", "daddr", "sport", "dport", "netns", "cgroup", "family"])
    value = str(dice.choice(flows)[field])
    if field.endswith("addr"):
        bits = dice.randrange(0, 129 if ":" in value else 33)
        return dice.choice([f"{field} == {value}", f"{field} in {value}/{bits}", f"{field} not in ({value}/{bits}, ::1)"])
    if field == "family":
        return f"family {dice.choice(['==', '!='])} {value}"
    return f"{field} {dice.choice(['==', '!=', '<', '<=', '>', '>='])} {value}"


@check("base")
def the_kernel_and_the_snapshot_choose_the_same_flows_whatever_the_condition():
    seed = int.from_bytes(os.urandom(4), "little")
    dice = random.Random(seed)
    with listening() as ipv4, listening("::1") as ipv6, listening("::") as both:
        pairs = connections(ipv4, 10) + connections(ipv6, 10) + connections(both, 5, "127.0.0.1") + connections(both, 5, "::1")
        columns = ("--columns", "saddr,sport,daddr,dport,netns,cgroup,family")

        def chosen(*options):
            status, out, err = run("-c1", "-o", "json", *columns, *options)
            equal((status, err), (0, ""), (seed, options))
            return json.loads(out)
        everything = chosen()["flows"]
        equal({flow["family"] for flow in everything}, {"ipv4", "ipv6"}, "families")
        shown = 0
        for _ in range(6):
            condition = random_condition(dice, everything)
            slow = f"({condition}) or bytes < 0"
            contains(run("--explain", "--where", condition)[1], "In the kernel")
            contains(run("--explain", "--where", slow)[1], "bytes: when a connection begins, only addresses")
            in_kernel, in_snapshot = chosen("--where", condition), chosen("--where", slow)
            key = json.dumps

            def flows(snapshot):
                return sorted(key({name: value for name, value in flow.items() if name != "id"}) for flow in snapshot["flows"])
            equal(flows(in_kernel), flows(in_snapshot), f"flows of {condition!r} (seed {seed})")
            equal(in_kernel["refused"], len(everything) - len(in_kernel["flows"]), f"refused by {condition!r} (seed {seed})")
            shown += len(in_kernel["flows"])
        print(f"        (six conditions, {shown} flows shown of {6 * len(everything)}, seed {seed})")
        for client, server in pairs:
            client.close()
            server.close()


@check("base")
def what_is_not_asked_for_is_not_read_and_what_is_has_its_value():
    client, server = connected()
    with client, server:
        client.send(b"x" * 1000)
        receive(server, 1000)
        status, out, err = run("-c2", "-i", "0.3", "-o", "json", "--columns", "sport,bytes,retr_per_s,limit,cgroup_path",
                               "--where", f"sport == {client.getsockname()[1]} and min_rtt_us > 0")
        equal((status, err), (0, ""), "status and stderr")
        flow, = json.loads(out.splitlines()[1])["flows"]
        equal((flow["bytes"], flow["retr_per_s"]), (1000, 0), "bytes and retransmits")
        contains(flow["cgroup_path"], "/")


@check("base")
def a_program_of_the_users_may_read_any_member_for_its_own_ends():
    client, server = connected()
    with client, server, Killed(MONITOR, "--src", f"{PROGRAMS}/doubled.c", "-i", "0.3", "-o", "json", "--columns", "sport,doubled",
                                "--port", client.getsockname()[1], stdout=subprocess.PIPE, text=True) as monitor:
        client.send(b"x" * 1000)
        receive(server, 1000)

        def is_doubled():
            client.send(b"")  # calls the handler and moves nothing
            return [flow["doubled"] for flow in json.loads(monitor.stdout.readline())["flows"]] == [2 * 1001]
        wait_for("twice the acknowledged bytes and the SYN", is_doubled)
