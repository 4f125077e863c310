"""The live view in a real terminal: golden screens, and that the terminal is left as it was found.

screens.py SCENE MADE_RECORDING MONITOR [--update] [NAME…]: with --update the golden files are written anew; look at the difference then.
"""
import difflib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from terminal import Terminal, wait_for

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")
SCENE, MADE_RECORDING, MONITOR = (os.path.abspath(path) for path in sys.argv[1:4])
UPDATE = "--update" in sys.argv
NAMES = [word for word in sys.argv[4:] if not word.startswith("--")]

tests = []
written = {}  # golden screens, by name


def test(function):
    tests.append(function)
    return function


def settled(terminal):
    """The screen, once it stays the same."""
    def same():
        first = terminal.screen()
        time.sleep(0.4)
        return [first] if first == terminal.screen() else None
    return wait_for("a screen that stays", same)[0]


def is_golden(terminal, name):
    path = os.path.join(GOLDEN, f"live_{name}.txt")
    if UPDATE:
        screen = settled(terminal)
        assert written.setdefault(name, screen) == screen, f"two screens are called {name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(screen)
        return
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    try:
        wait_for(f"the screen of {path}", lambda: terminal.screen() == expected)
    except AssertionError:
        difference = difflib.unified_diff(expected.splitlines(), terminal.screen().splitlines(), "golden", "found", "")
        raise AssertionError("\n".join(difference)) from None


def start(terminal, snapshots=6, flows=40, options="", before=""):
    terminal.run(f"{before} {SCENE} {flows} {snapshots} {options}")
    terminal.wait_for_text(f"12:00:{snapshots:02}  flows")


@test
def flows_are_ordered_by_rate_and_then_as_keys_say():
    with Terminal() as terminal:
        start(terminal)
        is_golden(terminal, "first")
        terminal.press("Down", "Down", ">", ">", "r")
        terminal.wait_for_text("by cwnd")
        is_golden(terminal, "sorted")
        terminal.press("Right", "Right", "Right", "NPage")
        is_golden(terminal, "scrolled")


@test
def a_filter_is_typed_in_place():
    with Terminal() as terminal:
        start(terminal)
        terminal.press("/")
        terminal.type("comm == nginx and rtt_us > 20mé")
        terminal.press("BSpace")
        terminal.type("s")
        is_golden(terminal, "typing")
        assert terminal.flag("cursor_flag") == "1", "the cursor is not seen while one types"
        terminal.press("Enter")
        is_golden(terminal, "filtered")
        assert terminal.flag("cursor_flag") == "0", "the cursor is seen in the list"
        terminal.press("/")
        terminal.type(" or bites > 3")
        terminal.press("Enter")
        is_golden(terminal, "mistake")
        terminal.press("Escape")
        is_golden(terminal, "filtered")
        terminal.press("/", "C-u", "Enter")
        is_golden(terminal, "first")


@test
def details_columns_and_help_have_pages_of_their_own():
    with Terminal() as terminal:
        start(terminal)
        terminal.press("Enter")
        is_golden(terminal, "detail")
        terminal.press("Escape")
        is_golden(terminal, "first")
        terminal.press("c", "End", "Space", "Up")
        is_golden(terminal, "columns")
        terminal.press("Enter", "h")
        is_golden(terminal, "help")


@test
def a_screen_of_another_size_is_filled():
    with Terminal() as terminal:
        start(terminal)
        terminal.resize(120, 40)
        is_golden(terminal, "120x40")
        terminal.press("Enter")
        is_golden(terminal, "detail_120x40")
        terminal.press("Escape")
        terminal.resize(60, 15)
        is_golden(terminal, "60x15")
        for columns, rows in ((10, 4), (1, 1), (5, 2), (3, 30), (80, 24)):
            terminal.resize(columns, rows)
            for page in ("h", "Enter", "c", "/"):
                terminal.press(page, "Escape")
        is_golden(terminal, "first")


@test
def a_closed_flow_is_marked_and_goes_after_some_seconds():
    with Terminal() as terminal:
        start(terminal, snapshots=4, flows=5)
        is_golden(terminal, "closed")
        line, = [line for line in terminal.screen_with_styles().split("\n") if ":1001" in line]
        assert re.search(r"\x1b\[[0-9;]*\b2m", line), f"not dim: {line!r}"
        terminal.press("Down", "Down", "Down", "Enter")
        is_golden(terminal, "closed_detail")
        terminal.press("Escape")
        terminal.press("q")
        terminal.wait_for_no_text("flows:")
        start(terminal, snapshots=9, flows=5)
        is_golden(terminal, "gone")


def replay(terminal, directory, options):
    recording = f"{directory}/made.db"
    subprocess.run([MADE_RECORDING, recording], check=True)
    terminal.run(f"{MONITOR} --replay {recording} --output live {options}")


@test
def a_recording_is_gone_through_by_snapshots_by_minutes_and_to_a_time():
    with Terminal() as terminal, tempfile.TemporaryDirectory() as directory:
        replay(terminal, directory, "--at 12:02:00")
        is_golden(terminal, "replay_at")
        terminal.press("Left", "Left")
        is_golden(terminal, "replay_back")
        terminal.press("Right", "Right")
        terminal.wait_for_text("12:02:00  PAUSED")
        terminal.press("S-Right")
        terminal.wait_for_text("12:03:00  PAUSED")
        terminal.press("t")
        terminal.type("12:02:59")
        terminal.press("Enter")
        is_golden(terminal, "replay_burst")
        terminal.press("Enter")
        is_golden(terminal, "replay_detail")
        terminal.press("S-Left", "Escape")
        terminal.wait_for_text("12:01:59  PAUSED")
        terminal.press("t")
        terminal.type("25:99")
        terminal.press("Enter")
        is_golden(terminal, "replay_mistake")
        terminal.press("C-u")
        terminal.type("12:03:30")
        terminal.press("Enter")
        is_golden(terminal, "replay_resets")


@test
def where_there_are_no_flows_or_no_recording_and_at_its_end():
    with Terminal() as terminal, tempfile.TemporaryDirectory() as directory:
        replay(terminal, directory, "--at 12:04:30")
        is_golden(terminal, "replay_no_flows")
        terminal.press("t")
        terminal.type("12:05:30")  # nothing was recorded then
        terminal.press("Enter")
        terminal.wait_for_text("12:04:59  PAUSED")
        terminal.press("Right")
        is_golden(terminal, "replay_after_gap")
        terminal.press("t")
        terminal.type("-0s")
        terminal.press("Enter")
        is_golden(terminal, "replay_end")
        terminal.press("Right", "S-Right")
        is_golden(terminal, "replay_end")
        terminal.press("h")
        is_golden(terminal, "replay_help")
        terminal.press("Escape", "Space")  # it begins anew
        terminal.wait_for_text("12:00:03  flows")
        terminal.press("+", "+", "+")
        terminal.wait_for_text("speed 8")
        terminal.wait_for_text("12:00:1")
        terminal.press("Space")
        terminal.wait_for_text("PAUSED")
        terminal.press("t")
        terminal.type("12:00:00")  # before the first
        terminal.press("Enter")
        terminal.wait_for_text("12:00:01  PAUSED")
        terminal.press("Left", "S-Left", "q")
        terminal.wait_for_no_text("PAUSED")


@test
def what_takes_long_says_how_far_it_is_and_leaves_nothing():
    with Terminal() as terminal, tempfile.TemporaryDirectory() as directory:
        recording = f"{directory}/made.db"
        subprocess.run([MADE_RECORDING, recording], check=True)
        terminal.run(f"clear; {MONITOR} --replay {recording} --output json --speed 60 >/dev/null; echo done")
        wait_for("a progress bar", lambda: re.search(r"\[#+-+\] +\d+% \d+s left\n", terminal.screen()))
        terminal.wait_for_text("done\n")
        assert terminal.screen() == "done\n$\n", terminal.screen()


COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")


@test
def colours_are_left_out_where_they_are_not_wanted_or_not_there():
    for before, coloured in (("env -u NO_COLOR TERM=screen-256color", True), ("NO_COLOR= TERM=screen-256color", True),
                             ("NO_COLOR=1 TERM=screen-256color", False), ("env -u NO_COLOR TERM=vt100", False)):
        with Terminal() as terminal:
            start(terminal, before=before)
            terminal.press("Down")
            terminal.wait_for_text("> 10.0.0.1:443       10.0.0.40:1038")
            found = COLOUR.findall(terminal.screen_with_styles())
            assert bool(found) == coloured, f"{before}: {found}"
            assert "\x1b[7m" in terminal.screen_with_styles() or coloured, "the selected row is not marked"
            terminal.press("Home")
            is_golden(terminal, "first")


@test
def without_unicode_bars_and_marks_are_ascii():
    with Terminal() as terminal:
        start(terminal, before="LC_ALL=C")
        is_golden(terminal, "ascii")
        terminal.press("Enter")
        is_golden(terminal, "detail_ascii")


@test
def the_terminal_is_as_it_was_after_every_end():
    def kill(number):
        return lambda terminal: os.kill(terminal.process(), number)
    ends = {"q": (lambda terminal: terminal.press("q"), 0, ""), "Ctrl-C": (lambda terminal: terminal.press("C-c"), 0, ""),
            "SIGTERM": (kill(signal.SIGTERM), 0, ""), "SIGSEGV": (kill(signal.SIGSEGV), 128 + signal.SIGSEGV, ""),
            "Ctrl-\\": (lambda terminal: terminal.press("C-\\"), 128 + signal.SIGQUIT, ""),
            "SIGABRT": (kill(signal.SIGABRT), 128 + signal.SIGABRT, ""),
            "an error": (lambda terminal: None, 69, "--fail-at 100"), "the count": (lambda terminal: None, 0, "--count 100")}
    for what, (end, status, options) in ends.items():
        with Terminal() as terminal, tempfile.TemporaryDirectory() as directory:
            before = terminal.modes(directory, "before")
            terminal.run(f'clear; echo what was there; {SCENE} 40 6 {options}; echo "status $?"')
            terminal.wait_for_text("12:00:06  flows")
            assert terminal.flag("alternate_on") == "1", f"{what}: not a screen of its own"
            terminal.press("/")  # the cursor is shown, and hidden again
            terminal.type("x")
            terminal.press("Escape", "Down")
            # It has read them: the shell would get what is left.
            terminal.wait_for_text("> 10.0.0.1:443       10.0.0.40:1038")
            end(terminal)
            terminal.wait_for_text(f"status {status}\n")
            assert "what was there\n" in terminal.screen(), what
            assert terminal.modes(directory, "after") == before, f"{what}: other modes"
            assert (terminal.flag("alternate_on"), terminal.flag("cursor_flag")) == ("0", "1"), what
            if what == "an error":
                terminal.wait_for_text("scene: error: the scene failed, as it should")


@test
def ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back():
    with Terminal() as terminal, tempfile.TemporaryDirectory() as directory:
        before = terminal.modes(directory, "before")
        terminal.run("clear; echo what was there")
        start(terminal)
        is_golden(terminal, "first")
        for columns in (100, 80):
            terminal.press("C-z")
            terminal.wait_for_text("what was there")
            terminal.wait_for_text("Stopped")
            assert terminal.modes(directory, f"stopped{columns}") == before, "other modes"
            assert (terminal.flag("alternate_on"), terminal.flag("cursor_flag")) == ("0", "1")
            terminal.resize(columns, 24)
            terminal.run("fg")
            terminal.wait_for_text("12:00:06  flows")
        is_golden(terminal, "first")
        assert terminal.flag("cursor_flag") == "0", "the cursor is seen"
        terminal.press("q")
        terminal.wait_for_text("what was there")
        assert terminal.modes(directory, "after") == before, "other modes"


@test
def messages_of_the_log_wait_for_the_screen_to_go():
    with Terminal() as terminal:
        start(terminal, options="--warn-at 3")
        terminal.wait_for_text("\na warning with \\x1b[31m in it\n")
        terminal.press("Down", "Up", "Home")
        is_golden(terminal, "first")
        terminal.press("q")
        terminal.wait_for_text("scene: warning: a warning with")


@test
def without_a_terminal_it_says_what_to_do():
    with Terminal(columns=200) as terminal:
        for before, after, part in (("", "</dev/null", "standard input is no terminal"),
                                    ("", "| cat", "standard output is no terminal"),
                                    ("TERM=dumb", "", "has no full screen"), ("TERM=none", "", "'none' (TERM) is not known")):
            terminal.run(f"clear; {before} {SCENE} 1 1 {after}; echo status ${{PIPESTATUS[0]}}")
            terminal.wait_for_text("status 64\n")
            terminal.wait_for_text(part)
            terminal.wait_for_text("; use --output" if after else "or use --output table")


failed = 0
for function in tests:
    if NAMES and function.__name__ not in NAMES:
        continue
    began = time.monotonic()
    try:
        function()
        verdict = "ok"
    except Exception:
        failed += 1
        verdict = "FAILED\n" + traceback.format_exc()
    print(f"{time.monotonic() - began:5.1f} s  {function.__name__.replace('_', ' ')}: {verdict}", flush=True)
sys.exit(1 if failed else 0)
