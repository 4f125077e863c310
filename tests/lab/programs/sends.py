"""Sends for ever: sends.py ADDRESS PORT SIZE PAUSE_S SEND_BUFFER (0: the kernel's choice)."""
import socket
import sys
import time

address, port, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
pause_s, buffer = float(sys.argv[4]), int(sys.argv[5])
sock = socket.socket()
if buffer:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
sock.connect((address, port))
while True:
    sock.sendall(b"x" * size)
    time.sleep(pause_s)
