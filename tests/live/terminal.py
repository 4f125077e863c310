"""A terminal for tests and pictures: tmux with a shell in it. Conditions are waited for, with a generous limit."""
import os
import re
import signal
import subprocess
import time

LIMIT_S = 120


def wait_for(what, condition, limit_s=LIMIT_S):
    """The first true value of condition(); fails, naming `what`, when the limit passes."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {limit_s} s in vain for {what}")
        time.sleep(0.05)


class Terminal:
    """Ends with the block, and with it all that runs in it."""
    number = 0

    def __init__(self, columns=80, rows=24):
        Terminal.number += 1
        self.env = dict(os.environ, LC_ALL="C.UTF-8")
        self.tmux = ["tmux", "-L", f"live-{os.getpid()}-{Terminal.number}", "-f", "/dev/null"]
        subprocess.run([*self.tmux, "new-session", "-d", "-x", str(columns), "-y", str(rows),
                        "exec env PS1='$ ' HISTFILE= bash --norc --noprofile"], check=True, env=self.env)
        self.wait_for_text("$")

    def __enter__(self):
        return self

    def __exit__(self, error_type, *_):
        if error_type:
            print(f"the last screen:\n{self.screen()}", flush=True)
        try:
            self.end_commands()
        finally:
            subprocess.run([*self.tmux, "kill-server"], check=False)

    def end_commands(self):
        """Before the terminal goes, and by force: a process that the leak sanitizer has stopped at its end waits for ever,
        and keeps a core busy, when another signal comes then."""
        for pid in self.children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_for("the end of what runs in the terminal", lambda: not self.children())

    def ask(self, *command):
        return subprocess.run([*self.tmux, *command], check=True, text=True, capture_output=True,
                              env=self.env).stdout

    def press(self, *keys):
        """Keys by tmux's names: Enter, Down, C-c."""
        self.ask("send-keys", *keys)

    def type(self, text):
        self.ask("send-keys", "-l", "--", text)

    def run(self, command):
        """At the shell's prompt, for which it waits. What is typed before is echoed twice, and Enter is taken by whoever
        reads then."""
        wait_for(f"a prompt for {command!r}", self.is_at_prompt)
        self.type(command)
        wait_for(f"the shell to take {command!r}", lambda: not self.is_at_prompt())
        self.press("Enter")

    def is_at_prompt(self):
        """The cursor is behind a prompt, and nothing is."""
        column, row = self.ask("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return column == "2" and self.ask("capture-pane", "-p").split("\n")[int(row)] in ("$", "$ ")

    def screen(self):
        lines = self.ask("capture-pane", "-p").split("\n")
        return "\n".join(line.rstrip() for line in lines).rstrip("\n") + "\n"

    def screen_with_styles(self):
        return self.ask("capture-pane", "-e", "-p")

    def wait_for_text(self, text):
        wait_for(f"{text!r} on the screen", lambda: text in self.screen())

    def wait_for_no_text(self, text):
        wait_for(f"{text!r} to go from the screen", lambda: text not in self.screen())

    def modes(self, directory, name):
        """What stty(1) says of it, but for its size; `name` is new in `directory`."""
        path = f"{directory}/{name}"
        self.run(f"stty -a >{path}.new; mv {path}.new {path}")
        wait_for("stty", lambda: os.path.exists(path))
        with open(path, encoding="utf-8") as file:
            return re.sub(r"rows \d+; columns \d+", "", file.read())

    def flag(self, name):
        return self.ask("display-message", "-p", f"#{{{name}}}").strip()

    def resize(self, columns, rows):
        self.ask("resize-window", "-x", str(columns), "-y", str(rows))

    def children(self):
        """The pids of the commands that the shell runs."""
        shell = self.flag("pane_pid")
        with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def process(self):
        """The pid of the command that the shell runs."""
        return wait_for("a command of the shell", self.children)[-1]
