"""What users ask for: fields of their own, columns, order, and the formats for programs."""
import csv
import ipaddress
import json
import math
import os
import socket
import struct
from contextlib import ExitStack

import jsonschema

from harness import Monitor, check, contains, equal, helper, run, sh, wait_for
from sockets import connected, end, ends_of, receive

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
GOLDEN = os.path.join(ROOT, "tests/golden")


# Expressions of every kind, and what the socket's owner can find out by itself.
EXPRESSIONS = {
    "snd_mss[bytes]": "tp->mss_cache",
    "pacing[bytes/s]": "sk->sk_pacing_rate",
    "rtt_of_8th": "tp->srtt_us >> 3",
    "rcv_mss": "inet_csk(sk)->icsk_ack.rcv_mss",
    "dest": "(u16)bpf_ntohs(sk->__sk_common.skc_dport)",
    "nagle_off": "tp->nonagle & 1",
    "wscale": "tp->rx_opt.snd_wscale",
    "ca_now": "((struct inet_connection_sock *)sk)->icsk_ca_state",
    "space": "sk->__sk_common.skc_net.net->ns.inum",
    "inode": "sk->sk_socket->file->f_inode->i_ino",
    "sndbuf": "sk->sk_sndbuf",
    "below_zero": "-(int)tp->mss_cache",
}


def known_by_the_owner(sock):
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    words = struct.unpack_from("24I", info, 8)
    snd_mss, rcv_mss, rtt = words[2], words[3], words[15]
    return {"snd_mss": snd_mss, "pacing": struct.unpack_from("Q", info, 104)[0], "rtt_of_8th": rtt, "rcv_mss": rcv_mss,
            "dest": sock.getpeername()[1],
            "nagle_off": int(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0), "wscale": info[6] & 15,
            "ca_now": info[1], "space": os.stat("/proc/self/ns/net").st_ino, "inode": os.fstat(sock.fileno()).st_ino,
            "sndbuf": sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), "below_zero": -snd_mss}


@check("types", "newest")
def fields_of_the_users_own_equal_what_the_owner_of_the_socket_is_told():
    client, server = connected()
    with client, server:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(b"x" * 3000)
        receive(server, 3000)
        options = [word for name, expression in EXPRESSIONS.items() for word in ("--field", f"{name}={expression}")]
        for mechanism in ("kprobe", "fentry"):
            status, out, err = run("--kernel-types", "btf", "--attach", mechanism, "-c1", "-o", "json", *options)
            equal((status, err), (0, ""), "status and stderr")
            flow, = [flow for flow in json.loads(out)["flows"]
                     if (flow["sport"], flow["dport"]) == (client.getsockname()[1], client.getpeername()[1])]
            equal({name: flow[name] for name in known_by_the_owner(client)}, known_by_the_owner(client), mechanism)


@check("newest")
def fields_of_the_users_own_are_in_the_last_record_too():
    with Monitor("-i", "0.3", "--field", "sndbuf=sk->sk_sndbuf", "--field", "space=sk->__sk_common.skc_net.net->ns.inum") \
            as monitor:
        client, server = connected()
        ends = ends_of(client)
        server.close()
        client.close()
        last, = wait_for("the last record", lambda: [flow for flow in monitor.closed() if flow.ends == ends])
        assert last["sndbuf"] > 0, last.line
        equal(last["space"], os.stat("/proc/self/ns/net").st_ino, "number of the namespace")


@check("base")
def mistakes_in_a_field_are_shown_in_the_users_own_words():
    mistakes = ["sk->sk_pacing_rat", "tp->srtt_us +", "tp->bytes_acked + foo", "inet_csk(sk)->icsk_ca_ops->nme",
                "sk->__sk_common", "tp->snd_cwnd = 1000", "(tp->snd_cwnd"]
    text = ""
    for expression in mistakes:
        status, out, err = run("--kernel-types", "btf", "--attach", "kprobe", "--field", f"x={expression}")
        equal(out, "", "stdout")
        text += f"{err}status {status}\n"
    with open(os.path.join(GOLDEN, "field_errors.txt"), encoding="utf-8") as file:
        equal(text.splitlines(), file.read().splitlines(), "errors")
    status, _, err = run("--field", "rtt_us=tp->srtt_us")
    equal(status, 64, "status")
    contains(err, "--field rtt_us: that name is taken; choose another (--list-fields lists the fields)")


NAMES = [b'a "b", c', b"two\nlines", b"\x1b[31mred", b"\xff\xfe", "ção".encode(), b"it's \\ x"]


@check("base")
def json_and_csv_are_read_by_others_whatever_a_process_is_called():
    """Each name's owner holds a connection."""
    with ExitStack() as stack:
        holders = [stack.enter_context(helper("is_called", name.hex())) for name in NAMES]
        ports = {int(holder.stdout.readline()): name for holder, name in zip(holders, NAMES)}
        with open(os.path.join(ROOT, "docs/snapshot.schema.json"), encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file), format_checker=jsonschema.FormatChecker())
        # The walk over open files finds a name that nothing was sent under.
        status, out, _ = run("-c2", "-i", "0.2", "-o", "json")
        equal(status, 0, "status")
        snapshots = [json.loads(line) for line in out.splitlines()]
        for snapshot in snapshots:
            validator.validate(snapshot)
        names = {flow["sport"]: flow.get("comm") for flow in snapshots[-1]["flows"]}
        expected = {port: name.decode(errors="replace") for port, name in ports.items()}
        equal({port: names.get(port) for port in ports}, expected, "comm in json")
        equal(len({flow["id"] for flow in snapshots[0]["flows"]} & {flow["id"] for flow in snapshots[1]["flows"]}),
              len(snapshots[0]["flows"]), "flows with the same number in both snapshots")

        status, out, _ = run("-c1", "-o", "csv", "--columns", "sport,comm,min_rtt_us,bytes", "--sort", "-sport")
        equal(status, 0, "status")
        rows = list(csv.DictReader(out.splitlines(keepends=True), strict=True))
        equal(list(rows[0]), ["time", "monotonic_ns", "id", "sport", "comm", "min_rtt_us", "bytes"], "header")
        found = [int(row["sport"]) for row in rows]
        equal(found, sorted(found, reverse=True), "order")
        shown = {port: "".join(f"\\x{ord(c):02x}" if c < " " else c for c in name) for port, name in expected.items()}
        equal({port: row["comm"] for row in rows if (port := int(row["sport"])) in ports}, shown, "comm in csv")


@check("base")
def conditions_choose_the_flows_that_they_describe():
    """The same flows as a condition in Python chooses from all of them."""
    pairs = [connected() for _ in range(12)]
    try:
        for number, (client, _) in enumerate(pairs):
            client.sendall(b"x" * (1 + 700 * number))
        ports = [client.getsockname()[1] for client, _ in pairs]
        inode = os.stat("/proc/self/ns/net").st_ino
        sh("ip netns add other")
        field = ("--field", "twice[bytes]=tp->bytes_acked * 2")
        conditions = {
            ("--where", f"bytes > 3.5kB && saddr in 127.0.0.0/8 && !(sport in ({ports[7]}, {ports[8]}))"):
                lambda f: f["bytes"] > 3500 and f["sport"] not in ports[7:9],
            ("--where", "twice >= 8kB or rtt_us < 1ns", *field): lambda f: f["twice"] >= 8000,
            ("--port", f"{ports[0]},{ports[1]}", "--local", "127.0.0.0/8"): lambda f: {f["sport"], f["dport"]} & set(ports[:2]),
            ("--netns", "/proc/self/ns/net", "--cgroup", "/", "--state", "established"): lambda f: f["netns"] == inode,
            ("--netns", "other"): lambda f: False,
            ("--pid", str(os.getpid()), "--comm", "python3"): lambda f: f.get("pid") == os.getpid(),
        }

        def snapshot(*options):
            status, out, err = run("-c1", "-o", "json", *options)
            equal((status, err), (0, ""), options)
            return json.loads(out)["flows"]

        def ends(flow):
            return flow["saddr"], flow["sport"], flow["daddr"], flow["dport"]

        everything = snapshot(*field)
        for options, wanted in conditions.items():
            equal({ends(flow) for flow in snapshot(*options)}, {ends(flow) for flow in everything if wanted(flow)}, options)
    finally:
        for client, server in pairs:
            client.close()
            server.close()
    status, out, err = run("--where", "sport == 1 and colour == 3")
    equal((status, out), (64, ""), "status and stdout")
    equal(err.splitlines(), ["tcp_stats_monitor: error: --where: there is no field colour; --list-fields lists them",
                             "  sport == 1 and colour == 3", "                 ^"], "stderr")


class Ports:
    """Connections to several ports, some of IPv6 sockets that carry IPv4; nothing goes on in them."""

    def __init__(self, *counts):
        self.sockets = []
        self.ports = []
        for count in counts:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
                self.ports.append(port)
                for number in range(count):
                    wide = number % 3 == 2
                    client = socket.socket(socket.AF_INET6 if wide else socket.AF_INET)
                    client.connect(("::ffff:127.0.0.1" if wide else "127.0.0.1", port))
                    server, _ = listener.accept()
                    size = 1000 * number + count
                    client.sendall(b"x" * size)
                    receive(server, size)
                    self.sockets += [client, server]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()


def plain(address):
    parsed = ipaddress.ip_address(address)
    return getattr(parsed, "ipv4_mapped", None) or parsed


def network(address):
    """With so many bits as --group-by daddr/8/16."""
    found = plain(address)
    return str(ipaddress.ip_network((found, 8 if found.version == 4 else 16), strict=False))


def expected_group(flows):
    """What a group of these has, by the definition of each column."""
    def values(name):
        return sorted(flow[name] for flow in flows if name in flow)

    def agreed(name):
        found = {flow.get(name) for flow in flows}
        return found.pop() if len(found) == 1 else None

    group = {"flows": len(flows), "closed": 0}
    for name in ("bytes", "pkts", "retr", "bytes_acked", "bytes_received", "data_segs_in", "in_flight", "cwnd_limited"):
        group[name + "_sum"] = sum(values(name))
    for name in ("rtt_us", "cwnd", "mss", "twice"):
        for percent in (50, 95):
            found = values(name)
            group[f"{name}_p{percent}"] = found[math.ceil(percent * len(found) / 100) - 1] if found else None
    group["min_rtt_us_min"] = min(values("min_rtt_us"), default=None)
    group["state"], group["netns"], group["ca"] = agreed("state"), agreed("netns"), agreed("ca")
    return group


@check("base")
def groups_are_the_sums_and_ranks_of_the_flows_they_are_made_of():
    """The same as Python makes of the ungrouped flows."""
    field = ("--field", "twice=tp->bytes_acked * 2")
    with open(os.path.join(ROOT, "docs/snapshot.schema.json"), encoding="utf-8") as file:
        validator = jsonschema.Draft202012Validator(json.load(file))

    def snapshot(*options):
        status, out, err = run("-c1", "-o", "json", *field, *options)
        equal((status, err), (0, ""), options)
        found = json.loads(out)
        validator.validate(found)
        return found

    with Ports(7, 3, 1) as opened:
        flows = snapshot()["flows"]
        for key, name, value_of in (("dport", "dport", lambda flow: flow["dport"]),
                                    ("daddr/8/16", "daddr", lambda flow: network(flow["daddr"]))):
            found = snapshot("--group-by", key)
            equal(found["group_by"], key, "group_by")
            members = {}
            for flow in flows:
                members.setdefault(value_of(flow), []).append(flow)
            equal({group[name] for group in found["groups"]}, set(members), f"groups of {key}")
            for group in found["groups"]:
                expected = expected_group(members[group[name]])
                equal({column: group.get(column) for column in expected}, expected, f"{key} {group[name]}")
        equal([len(members[value]) for value in members], [len(flows)], "flows of one network, IPv6 sockets included")

        status, out, _ = run("-c1", "-o", "table", "--group-by", "dport", "--columns", "flows,bytes,rtt_us", "--sort",
                             "-bytes", "--top", "1")
        equal(status, 0, "status")
        lines = out.splitlines()
        contains(lines[0], f"flows: {len(flows)}, closed: 0, shown: 1")
        equal(lines[1].split(), "DPORT FLOWS BYTES SUM RTT P50 RTT P95".split(), "headings")
        equal(lines[2].split()[:2], [str(opened.ports[0]), "7"], "row")
    status, out, err = run("--group-by", "dport/24")
    equal((status, out), (64, ""), "status and stdout")
    contains(err, "dport is no address; networks are of saddr or daddr, as daddr/24")


@check("base")
def a_table_shows_the_first_of_the_order_that_was_asked_for():
    pairs = [connected() for _ in range(5)]
    try:
        for number, (client, server) in enumerate(pairs):
            client.sendall(b"x" * (1000 * number + 1))
        status, out, _ = run("-c1", "-o", "table", "--columns", "local,bytes", "--sort", "-bytes", "--top", "2")
        equal(status, 0, "status")
        lines = out.splitlines()
        contains(lines[0], ", shown: 2")
        equal(lines[1].split(), ["LOCAL", "BYTES"], "headings")
        ends = [end(client.getsockname()) for client, _ in pairs]
        equal([line.split() for line in lines[2:4]], [[ends[4], "4kB"], [ends[3], "3kB"]], "rows")
    finally:
        for client, server in pairs:
            client.close()
            server.close()
    status, out, err = run("--columns", "local,bites")
    equal((status, out), (64, ""), "status and stdout")
    contains(err, "--columns: there is no field bites; did you mean bytes?")
