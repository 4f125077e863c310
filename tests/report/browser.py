"""A report in a real browser, without a window: nothing is wrong on its console, it asks for nothing, and no text of a
process or a peer becomes more than text.

browser.py MADE_RECORDING MONITOR [DIRECTORY]: with a directory the page and its screenshots stay there.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser

MADE_RECORDING, MONITOR = (os.path.abspath(path) for path in sys.argv[1:3])
KEEP = sys.argv[3] if len(sys.argv) > 3 else None
CHROMIUM = shutil.which("chromium")
# No name is found: what the browser asks for by itself goes nowhere.
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
COMM = "<script>\"'&"  # of one of the processes
LIMIT_S = 120

# What the looking finds: a request, a message on the console, an element that is a script.
CONTROL = """<!DOCTYPE html><html><head><title>t</title></head><body><img src="http://127.0.0.1:9/image.png">
<script>console.error("wrong")</script></body></html>"""


class Elements(HTMLParser):
    """How often each element is there, and all text."""

    def __init__(self):
        super().__init__()
        self.count, self.text = {}, []

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        for name, _ in attrs:
            assert not name.startswith("on"), f"<{tag} {name}=…>"

    def handle_data(self, data):
        self.text.append(data)


def run(directory, page, *options):
    """What Chromium writes: on standard output, on standard error."""
    with tempfile.TemporaryDirectory(dir=directory) as profile:
        done = subprocess.run([CHROMIUM, *QUIET, f"--user-data-dir={profile}", *options, f"file://{page}"], text=True,
                              capture_output=True, timeout=LIMIT_S, check=True)
    return done.stdout, done.stderr


def looked_at(directory, page):
    """The elements that the browser made of the page, the addresses it asked for, the messages on its console."""
    log = f"{directory}/net.json"
    dom, errors = run(directory, page, f"--log-net-log={log}", "--enable-logging=stderr", "--dump-dom")
    with open(log, encoding="utf-8") as file:
        events = json.load(file)["events"]
    # A request of the page's own is kept apart from those of others by where the page is.
    addresses = {event["params"]["url"] for event in events
                 if event.get("params", {}).get("network_isolation_key", "").startswith("file:")}
    elements = Elements()
    elements.feed(dom)
    return (elements, [address for address in addresses if not address.startswith("file:")],
            [line for line in errors.splitlines() if "CONSOLE" in line])


def is_shown(directory, page):
    elements, addresses, messages = looked_at(directory, page)
    assert (addresses, messages) == ([], []), f"asked for {addresses}, on the console: {messages}"
    count = elements.count
    assert "script" not in count and "b" in count, count
    plots = 4 + 4 * count["section"]
    assert (count["figure"], count["svg"], count["h1"]) == (plots, plots, 1), count
    assert any(COMM in text for text in elements.text), f"no {COMM} in the text"
    assert "title" in count and count["rect"] > 100, count


def main():
    assert CHROMIUM, "chromium is missing: apt-get install chromium"
    with tempfile.TemporaryDirectory() as directory:
        control = f"{directory}/control.html"
        with open(control, "w", encoding="utf-8") as file:
            file.write(CONTROL)
        elements, addresses, messages = looked_at(directory, control)
        assert addresses and messages and elements.count["script"] == 1, \
            f"the control is not seen: {addresses}, {messages}, {elements.count}"

        recording, page = f"{directory}/made.db", f"{directory}/report.html"
        subprocess.run([MADE_RECORDING, recording], check=True)
        with open(page, "wb") as file:
            subprocess.run([MONITOR, "--replay", recording, "--output", "report"], stdout=file, check=True)
        is_shown(directory, page)
        for width, height in ((1400, 1000), (400, 900)):
            picture = f"{directory}/report_{width}.png"
            run(directory, page, f"--window-size={width},{height}", f"--screenshot={picture}")
            assert os.path.getsize(picture) > 10000, f"{picture} is empty"
        if KEEP:
            for name in ("report.html", "report_1400.png", "report_400.png"):
                shutil.copy(f"{directory}/{name}", KEEP)
    print("the report is shown, and asks for nothing")


main()
