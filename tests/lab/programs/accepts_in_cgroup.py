"""Accepts one connection, as a process of that cgroup, and prints the port: accepts_in_cgroup.py DIRECTORY."""
import os
import signal
import socket
import sys

with open(f"{sys.argv[1]}/cgroup.procs", "w") as processes:
    processes.write(str(os.getpid()))
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    sock, _ = listener.accept()
    signal.pause()
