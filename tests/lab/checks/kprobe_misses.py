"""How often the kernel did not call a kprobe, by its own count."""
from contextlib import suppress

TRACING = "/sys/kernel/tracing"


def write(path, text, mode="w"):
    with open(f"{TRACING}/{path}", mode) as file:
        file.write(text)


class KprobeMisses:
    """Of the functions that are named. A kprobe event on each is missed whenever the monitor's kprobe is: the kernel counts a
    miss for every kprobe on the function. It tells that count of events only, before Linux 6.7."""

    def __init__(self, *functions):
        self.functions = functions

    def __enter__(self):
        for function in self.functions:
            write("kprobe_events", f"p:checks/{function} {function}\n", "a")
            write(f"events/checks/{function}/enable", "1")
        return self

    def __exit__(self, *_):
        for function in self.functions:
            with suppress(FileNotFoundError):
                write(f"events/checks/{function}/enable", "0")
                write("kprobe_events", f"-:checks/{function}\n", "a")

    def count(self):
        with open(f"{TRACING}/kprobe_profile") as file:
            words = [line.split() for line in file]
        return sum(int(misses) for function, _, misses in words if function in self.functions)
