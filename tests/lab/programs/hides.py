"""Sends between two sockets in a network namespace that only a file descriptor of this process knows."""
import ctypes
import os
import socket
import time

CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None)
home = os.open("/proc/self/ns/net", os.O_RDONLY)
assert libc.unshare(CLONE_NEWNET) == 0
os.system("ip link set lo up")
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
kept = os.open("/proc/self/ns/net", os.O_RDONLY)
assert libc.setns(home, CLONE_NEWNET) == 0
print("ready", flush=True)
while True:
    client.send(b"x")
    server.recv(100)
    time.sleep(0.05)
