"""How often the kernel did not call a kprobe, by its own count."""
import os
from contextlib import suppress

TRACING = "/sys/kernel/tracing"


def write(path, text):
    """Without O_TRUNC, which removes every event."""
    file = os.open(f"{TRACING}/{path}", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


class KprobeMisses:
    """Of the functions that are named. A kprobe event on each is missed whenever the monitor's kprobe is: the kernel counts a
    miss for every kprobe on the function. It tells that count of events only, before Linux 6.7."""

    def __init__(self, *functions):
        self.functions = functions

    def __enter__(self):
        for function in self.functions:
            write("kprobe_events", f"p:checks/{function} {function}\n")
            write(f"events/checks/{function}/enable", "1")
        return self

    def __exit__(self, *_):
        for function in self.functions:
            with suppress(FileNotFoundError):
                write(f"events/checks/{function}/enable", "0")
                write("kprobe_events", f"-:checks/{function}\n")

    def count(self):
        with open(f"{TRACING}/kprobe_profile") as file:
            words = [line.split() for line in file]
        return sum(int(misses) for function, _, misses in words if function in self.functions)
