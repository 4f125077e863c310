"""The sockets that checks make themselves."""
import resource
import socket
import threading


def raise_file_limit():
    """For thousands of sockets."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (200000, 200000))


def listening(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family, backlog=1000, dualstack_ipv6=address == "::")


def connections(listener, count, address=None):
    """Each a pair, (client, server)."""
    to = (address or listener.getsockname()[0], listener.getsockname()[1])
    return [(socket.create_connection(to), listener.accept()[0]) for _ in range(count)]


def connected():
    """(client, server)"""
    with listening() as listener:
        return connections(listener, 1)[0]


def end(address):
    """As the monitor shows an IPv4 address and port."""
    return "%s:%d" % address


def ends_of(sock):
    """(local, remote)"""
    return end(sock.getsockname()), end(sock.getpeername())


def receive(sock, size):
    """So many bytes, and forgets them."""
    while size:
        size -= len(sock.recv(min(size, 1 << 16)))


def drain(sock):
    """Reads to the end of the stream: a thread, running."""
    def read():
        while sock.recv(1 << 20):
            pass
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def conversation():
    """A connected pair that has exchanged data and is idle."""
    client, server = connected()
    for number in range(200):
        size = 1000 + 37 * number
        client.sendall(b"x" * size)
        receive(server, size)
        server.sendall(b"y" * 300)
        receive(client, 300)
    return client, server
