"""Accepts one Multipath TCP connection, after printing the port, and closes when the peer has: accepts_mptcp.py ADDRESS."""
import socket
import sys

IPPROTO_MPTCP = 262

with socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP) as listener:
    listener.bind((sys.argv[1], 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    with listener.accept()[0] as sock:
        while sock.recv(100):
            pass
