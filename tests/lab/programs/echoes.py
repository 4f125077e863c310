"""Sends back what comes to port 8000, over IPv4 and IPv6."""
import socket
import threading


def echo(sock):
    with sock:
        while data := sock.recv(65536):
            sock.sendall(data)


with socket.create_server(("::", 8000), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100) as listener:
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
