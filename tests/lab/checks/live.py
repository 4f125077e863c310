"""The live view of real connections, in a terminal."""
import os
import sys
import tempfile

from harness import MONITOR, check, contains, equal, wait_for
from sockets import connected, ends_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "live"))
from terminal import Terminal  # noqa: E402


@check("base")
def the_live_view_shows_filters_and_opens_a_flow_and_leaves_the_terminal_as_it_was():
    client, server = connected()
    with client, server, Terminal(columns=120, rows=30) as terminal, tempfile.TemporaryDirectory() as directory:
        port = client.getsockname()[1]
        here, there = ends_of(client)

        def rows():
            """The ends of each flow that is shown."""
            words = [line.lstrip(" >x").split() for line in terminal.screen().split("\n") if " 127.0.0.1:" in line]
            return [tuple(row[:2]) for row in words]
        before = terminal.modes(directory, "before")
        terminal.run(f"clear; echo what was there; {MONITOR} -o live -i 0.5")
        wait_for("both ends of the connection", lambda: {(here, there), (there, here)} <= set(rows()))
        equal(terminal.flag("alternate_on"), "1", "a screen of its own")
        terminal.type(f"/sport == {port} and bites")
        terminal.press("Enter")
        terminal.wait_for_text("did you mean bytes?")
        terminal.press("BSpace", "BSpace", "BSpace", "BSpace", "BSpace")
        terminal.type("state == established")
        terminal.press("Enter")
        wait_for("that flow alone", lambda: rows() == [(here, there)])
        contains(terminal.screen(), "shown: 1")
        client.sendall(b"x" * 1000)
        terminal.press("Enter")
        terminal.wait_for_text(f"{here} -> {there}  ESTABLISHED")
        terminal.wait_for_text("newest on the right")
        terminal.press("Escape")
        wait_for("the list again", lambda: rows() == [(here, there)])
        terminal.press("q")
        terminal.wait_for_text("what was there")
        terminal.run('echo "status $?"')
        terminal.wait_for_text("status 0\n")
        equal(terminal.modes(directory, "after"), before, "the terminal's modes")
        equal((terminal.flag("alternate_on"), terminal.flag("cursor_flag")), ("0", "1"), "its screen and cursor")
