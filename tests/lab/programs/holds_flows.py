"""Holds connections to itself, some of which never carried a byte: holds_flows.py NUMBER IDLE."""
import signal
import socket
import sys

number, idle = int(sys.argv[1]), int(sys.argv[2])
pairs = []
with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
    for _ in range(number):
        client = socket.create_connection(listener.getsockname())
        pairs.append((client, listener.accept()[0]))
for client, server in pairs[idle:]:
    for size in (1, 700, 20000):
        client.sendall(b"x" * size)
        while size:
            size -= len(server.recv(65536))
        server.sendall(b"answer")
        client.recv(100)
print("ready", flush=True)
signal.pause()
