"""Sends on 150 connections to echoes.py, on one after the other by chance: sends_at_random.py ADDRESS."""
import random
import socket
import sys
import time

clients = []
for _ in range(150):
    sock = socket.create_connection((sys.argv[1], 8000))
    sock.setblocking(False)
    clients.append(sock)
print("ready", flush=True)
while True:
    sock = random.choice(clients)
    try:
        sock.recv(1 << 20)
    except BlockingIOError:
        pass
    try:
        sock.send(b"x" * random.choice((10, 1000, 9000)))
    except BlockingIOError:
        pass
    time.sleep(0.005)
