"""Reads all that comes to a port, fast, or slowly into a small buffer: reads.py PORT fast|slow."""
import socket
import sys
import threading
import time


def slow(sock):
    while sock.recv(3000):
        time.sleep(0.05)


def fast(sock):
    while sock.recv(1 << 20):
        pass


port, read = int(sys.argv[1]), {"slow": slow, "fast": fast}[sys.argv[2]]
with socket.create_server(("0.0.0.0", port)) as listener:
    if read is slow:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20000)
    while True:
        threading.Thread(target=read, args=(listener.accept()[0],), daemon=True).start()
