"""Bytes handed over to sockets, in whatever way: each is counted once."""
import ctypes
import os
import select
import socket
import tempfile
import time

from harness import Monitor, check, equal, wait_for
from sockets import connected, drain, ends_of, receive


def by_sendfile(sock):
    with tempfile.TemporaryFile() as file:
        file.truncate(10 << 20)
        sent = 0
        while sent < 10 << 20:
            sent += os.sendfile(sock.fileno(), file.fileno(), sent, (10 << 20) - sent)
    return sent


def by_writev(sock):
    return sum(os.writev(sock.fileno(), [b"a" * 999, b"b", b"c" * 100000]) for _ in range(20))


def by_splice(sock):
    read_end, write_end = os.pipe()
    sent = 0
    for _ in range(50):
        os.write(write_end, b"x" * 30000)
        left = 30000
        while left:
            left -= os.splice(read_end, sock.fileno(), left) if hasattr(os, "splice") else splice(read_end, sock, left)
        sent += 30000
    os.close(read_end)
    os.close(write_end)
    return sent


def splice(pipe, sock, count):
    moved = ctypes.CDLL(None, use_errno=True).splice(pipe, None, sock.fileno(), None, ctypes.c_size_t(count), 0)
    assert moved > 0, os.strerror(ctypes.get_errno())
    return moved


def by_zerocopy(sock):
    so_zerocopy, msg_zerocopy = 60, 0x4000000
    sock.setsockopt(socket.SOL_SOCKET, so_zerocopy, 1)
    return sum(sock.send(b"z" * 50000, msg_zerocopy) for _ in range(20))


def by_asking_again_and_again(sock):
    """Non-blocking, against a full buffer: most calls are refused, some are cut short."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 50000)
    sock.setblocking(False)
    sent = refused = 0
    while sent < 3 << 20 or not refused:  # a reader that is quick leaves room for a while
        try:
            sent += sock.send(b"n" * 300000)
        except BlockingIOError:
            refused += 1
            if refused % 100 == 0:
                select.select([], [sock], [])
    return sent


@check("truth", "numbers")
def bytes_are_exact_whatever_way_they_were_handed_over():
    with Monitor("-i", "0.5") as monitor:
        for way in (by_sendfile, by_writev, by_splice, by_zerocopy, by_asking_again_and_again):
            client, server = connected()
            ends = ends_of(client)
            reader = drain(server)
            sent = way(client)
            flow, = [flow for flow in monitor.next_snapshot() if flow.ends == ends]
            equal(flow.bytes, sent, f"bytes {way.__name__}")
            client.close()
            reader.join()
            server.close()
            last = wait_for("the last record", lambda: [f for f in monitor.closed() if f.ends == ends])[0]
            equal((last.bytes, last["bytes_acked"]), (sent, sent + 2), f"last record of bytes {way.__name__}")
            received = wait_for("the peer's", lambda: [f for f in monitor.closed() if f.ends == ends[::-1]])[0]
            equal(received["bytes_received"], sent + 1, f"bytes received {way.__name__}")
        equal(monitor.stop(), 0, "exit status")


@check("truth", "numbers")
def a_receiver_that_reads_nothing_leaves_the_bytes_in_both_queues():
    client, server = connected()
    with client, server, Monitor("-i", "0.5") as monitor:
        client.setblocking(False)
        sent = 0
        try:
            while True:
                sent += client.send(b"x" * 10000)
        except BlockingIOError:
            pass

        def both(flows):
            ends = ends_of(client)
            mine = [flow for flow in flows if flow.ends in (ends, ends[::-1])]
            return len(mine) == 2 and sorted(mine, key=lambda flow: flow.ends != ends)

        def settled(flows):
            return both(flows) and both(flows)[0]["notsent"] > 0 and both(flows)[0]["unacked"] == 0
        sender, receiver = both(monitor.wait_for_snapshot("a full window", settled))
        equal(sender.bytes, sent, "bytes accepted")
        equal(receiver["rcvq"] + sender["notsent"], sent, "bytes waiting to be read and not sent")
        server.shutdown(socket.SHUT_WR)
        sender, _ = both(monitor.wait_for_snapshot(
            "a half-closed connection", lambda flows: both(flows) and both(flows)[0].state == "CLOSE_WAIT"))
        equal((sender.bytes, sender["rcvq"]), (sent, 0), "bytes, and none to read although a FIN came")


@check("truth", "numbers")
def the_time_of_a_send_is_known_to_the_timer_tick_and_stays_what_it_was():
    client, server = connected()
    with client, server, Monitor("-i", "0.3") as monitor:
        sent = 0

        def to_the_tick():
            nonlocal sent
            before = time.monotonic_ns()
            client.send(b"x")
            after = time.monotonic_ns()
            receive(server, 1)
            sent += 1
            flow = monitor.wait_for_flow("the send", lambda flow: flow.ends == ends_of(client) and flow.bytes == sent)
            later = monitor.wait_for_flow("the flow", lambda flow: flow.ends == ends_of(client))
            equal(later.seen_ns, flow.seen_ns, "time of the last send, in a later snapshot")
            # An emulated guest's ticks may come late.
            assert before - 10**9 < flow.seen_ns < after + 10**9, f"sent from {before} to {after}: {flow.line}"
            return before - 10**7 <= flow.seen_ns <= after + 10**7
        wait_for("a send whose time is known to 10 ms", to_the_tick)
        equal(monitor.stop(), 0, "exit status")
