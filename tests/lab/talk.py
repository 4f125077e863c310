"""A chatty server and its clients: talk.py serve|talk ADDRESS PORT. Some connections stay, some are short, and where nobody listens
they are refused."""
import socket
import sys
import threading
import time

role, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])


def answer(sock):
    with sock:
        while data := sock.recv(65536):
            sock.sendall(data * 4)


def ask(sock, times, pause_s):
    with sock:
        for _ in range(times):
            sock.sendall(b"x" * 700)
            received = 0
            while received < 2800:
                received += len(sock.recv(65536))
            time.sleep(pause_s)


if role == "serve":
    with socket.create_server((address, port), family=socket.AF_INET6) as listener:
        while True:
            threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
for pause_s in (0.2, 0.5):
    threading.Thread(target=ask, args=(socket.create_connection((address, port)), 10**9, pause_s), daemon=True).start()
while True:
    ask(socket.create_connection((address, port)), 8, 0.3)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as nobody_there:
        nobody_there.connect_ex((address, port + 1))
