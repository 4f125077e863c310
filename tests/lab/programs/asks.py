"""Short conversations with echoes.py, eight at a time: asks.py ADDRESS TIMES."""
import socket
import sys
import threading


def ask():
    for _ in range(int(sys.argv[2])):
        with socket.create_connection((sys.argv[1], 8000)) as sock:
            for size in (1, 3000, 700):
                sock.sendall(b"x" * size)
                received = 0
                while received < size:
                    received += len(sock.recv(65536))


threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
