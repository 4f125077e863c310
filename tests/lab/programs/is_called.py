"""Holds a connection under a process name of any bytes, and prints its port: is_called.py NAME_IN_HEX."""
import signal
import socket
import sys

with open("/proc/self/comm", "wb") as comm:
    comm.write(bytes.fromhex(sys.argv[1]))
with socket.create_server(("127.0.0.1", 0)) as listener:
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
client.sendall(b"x")
print(client.getsockname()[1], flush=True)
signal.pause()
