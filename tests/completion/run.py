"""Completion in bash and zsh, as a user at the terminal sees it. run.py PROGRAM; needs no root and no kernel."""
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
COMPLETION = os.path.join(SOURCE, "scripts", "completion")
BASH_FILE = os.path.join(COMPLETION, "tcp_stats_monitor.bash")
BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
BREAKS = " \t\n\"'><=;|&(:"
PROGRAM = "tcp_stats_monitor"

# Options and choices that this program does not have: another version's.
OTHER_HELP = """Usage: tcp_stats_monitor [options]

Flows:
  --explain                            say what limits each flow, and what may
                                       be done
  --group-by KEY                       one row for each value of this field
  -o [ --output ] line|table|json|csv|live
                                       line: for scripts
  -D [ --define ] NAME[=VALUE]         a definition; may
                                       be repeated
"""
OTHER_FIELDS = "NAME   UNIT   MEANING\nfirst  bytes  One.\nsecond        Another.\n"


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def options_of_help(text):
    return set(re.findall(r"^  (?:-\w \[ )?(--[\w-]+)", text, re.MULTILINE))


def fields_of_list(text):
    return [line.split()[0] for line in text.splitlines()[1:]]


def answers_of(text):
    """[(candidates, rest)] of what bash_words and zsh_lines print."""
    blocks = re.findall(r"^=candidates\n((?:.*\n)*?)=line(.*)$", text, re.MULTILINE)
    return [(set(candidates.splitlines()), rest[1:]) for candidates, rest in blocks]


def bash(lines, breaks=BREAKS, program=PROGRAM):
    return answers_of(output_of(os.path.join(HERE, "bash_words"), BASH_FILE, program, breaks,
                                *[f"{program} {line}" for line in lines]))


def zsh(lines, program=PROGRAM):
    answers = answers_of(output_of(os.path.join(HERE, "zsh_lines"), COMPLETION, program,
                                   *[f"{program} {line}" for line in lines]))
    return [(candidates, line.removeprefix(program + " ")) for candidates, line in answers]


def states():
    """As the program has them, not as the completion does."""
    with open(os.path.join(SOURCE, "src/record/value.cpp"), encoding="utf-8") as file:
        text = file.read()
    names = re.findall(r'"(\w+)"', text[text.index("tcp_states"):].split(";")[0])
    return [name for name in names if name != "TIME_WAIT"]  # such sockets are no flows


def names_in(folder):
    return set(os.listdir(folder)) if os.path.isdir(folder) else set()


def groups():
    root = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
    return {"/" + entry for entry in names_in(root) if os.path.isdir(os.path.join(root, entry))}


class Terminal:
    """An interactive bash, with a key that says what the line has become."""

    def __init__(self, *commands):
        self.file = tempfile.NamedTemporaryFile("r", encoding="utf-8")
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", PS1="", INPUTRC="/dev/null")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        self.type("bind 'set completion-query-items 0'; bind 'set page-completions off'; bind 'set bell-style none'\n")
        for command in commands:
            self.type(command + "\n")
        self.type(f"show() {{ printf '=line %s\\n' \"$READLINE_LINE\" >>{self.file.name}; READLINE_LINE=; }}\n")
        self.type("bind -x '\"\\C-xl\": show'\n")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def after_tab(self, line):
        self.type(line + "\t\x18l")
        end = time.monotonic() + 20
        while time.monotonic() < end:
            while select.select([self.terminal], [], [], 0.02)[0]:
                os.read(self.terminal, 4096)  # or the shell would wait for a reader
            shown = self.file.read()
            if shown:
                return shown.removeprefix("=line ").removesuffix("\n")
        raise AssertionError(f"no answer to {line!r}")


class Completion:
    """What both shells must do; `complete` is theirs."""

    def test_every_option_of_help_is_offered_and_no_other(self):
        [(offered, _)] = self.complete(["--"])
        self.assertEqual({option.rstrip("=") for option in offered}, options_of_help(output_of(PROGRAM, "--help")))

    def test_choices_are_those_of_help(self):
        answers = self.complete(["--kernel-types ", "-o ", "--attach "])
        self.assertEqual([candidates for candidates, _ in answers],
                         [{"auto", "btf", "headers"}, {"line", "table", "json", "csv", "live", "report"}, {"auto", "kprobe", "fentry"}])

    def test_fields_are_those_of_list_fields(self):
        fields = set(fields_of_list(output_of(PROGRAM, "--list-fields")))
        answers = self.complete(["--columns ", "--sort ", "--group-by "])
        self.assertTrue({"comm", "dport"} <= answers[2][0] < fields - {"bytes", "rtt_us"})  # what has a unit is no name
        self.assertEqual(answers[0][0], fields)
        self.assertEqual(answers[1][0], fields)

    def test_names_given_with_field_are_fields_too(self):
        answers = self.complete(["--field 'mine[us]=tp->a' --sort -min", "--field=mine=tp->a --columns comm,mine"])
        self.assertEqual(self.words(answers[0]), {"-min_rtt_us", "-mine"})
        self.assertEqual(self.words(answers[1]), {"comm,mine"})

    def test_another_versions_options_are_known_too(self):
        with tempfile.TemporaryDirectory() as folder:
            other = os.path.join(folder, "tcp_stats_monitor")
            with open(other, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\ncase $1 in\n--help) cat <<'E'\n{OTHER_HELP}E\n;;\n"
                           f"--list-fields) cat <<'E'\n{OTHER_FIELDS}E\n;;\nesac\n")
            os.chmod(other, 0o755)
            answers = self.complete(["--", "-o l", "--group-by ", "--define A --de", "--explain --ex"], program=other)
        self.assertEqual({option.rstrip("=") for option in answers[0][0]},
                         {"--explain", "--group-by", "--output", "--define"})
        self.assertEqual(answers[1][0], {"line", "live"})
        self.assertEqual(answers[2][0], {"second"})  # the first has a unit
        self.assertEqual({option.rstrip("=") for option in answers[3][0]}, {"--define"})
        self.assertEqual(answers[4][0], set())

    def test_states_are_those_of_the_program_in_the_letters_begun_with(self):
        answers = self.complete(["--state ", "--state C", "--state close,LA"])
        self.assertEqual(answers[0][0], {state.lower() for state in states()})
        self.assertEqual(answers[1][0], {state for state in states() if state.startswith("C")})
        self.assertEqual(self.words(answers[2]), {"close,LAST_ACK"})

    def test_what_this_machine_has(self):
        answers = self.complete([f"--pid {os.getpid()}", "--comm ", "--netns ", "--cgroup /"])
        self.assertIn(str(os.getpid()), answers[0][0])
        with open("/proc/self/comm", encoding="utf-8") as file:
            self.assertIn(file.read().strip(), answers[1][0])
        self.assertEqual(answers[2][0], names_in("/run/netns"))
        self.assertEqual(answers[3][0], groups())

    def test_users_of_this_machine(self):
        [(candidates, _)] = self.complete(["--user roo"])
        self.assertIn("root", candidates)

    def test_files_for_src(self):
        [(candidates, _)] = self.complete([f"--src {SOURCE}/CMakeL"])
        self.assertEqual({os.path.basename(candidate) for candidate in candidates}, {"CMakeLists.txt"})

    def test_a_condition_has_fields_operators_values_and_joints(self):
        lines = ["'re", "'state ", "'state == est", "'state in (close, las", "'retr > 0 a", "'retr > 0 and not (comm no",
                 "'retr > 0 or (closed_f", "'sport == ", "'retr and comm not "]
        answers = self.complete(["--where " + line for line in lines])
        last = [{candidate.rstrip().replace("retr > 0 ", "") for candidate in candidates} for candidates, _ in answers]
        fields = fields_of_list(output_of(PROGRAM, "--list-fields"))
        self.assertEqual(last[0], {field for field in fields if field.startswith("re")})
        self.assertLessEqual({"state ==", "state !=", "state in", "state not in", "state and"}, last[1])
        self.assertEqual(last[2], {"state == established"})
        self.assertEqual(last[3], {"state in (close, last_ack"})
        self.assertEqual(last[4], {"and"})
        self.assertEqual(last[5], {"and not (comm not in"})
        self.assertEqual(last[6], {"or (closed_from"})
        self.assertEqual(last[7], set())
        self.assertEqual(last[8], {"retr and comm not in"})

    def test_an_option_without_a_value_of_words_offers_none(self):
        self.assertEqual([candidates for candidates, _ in self.complete(["--top ", "--interval "])], [set(), set()])


class Bash(Completion, unittest.TestCase):
    def complete(self, lines, program=PROGRAM):
        return bash(lines, program=program)

    def words(self, answer):
        return answer[0]

    def test_candidates_begin_where_readline_replaces(self):
        lines = ["--sort=-retr_s", "--columns=comm,retr_s", "--where='a==1 and retr_s", "--where retr==1", "-oj"]
        rest = [candidates for candidates, _ in bash(lines)]
        self.assertEqual(rest[0], {"-retr_syn"})
        self.assertEqual(rest[1], {"comm,retr_syn"})
        self.assertEqual({candidate.rstrip() for candidate in rest[2]}, {"a==1 and retr_syn"})
        self.assertEqual(rest[4], {"-ojson"})
        without = [candidates for candidates, _ in bash(lines, breaks=" \t\n\"'")]
        self.assertEqual(without[:2], [{"--sort=-retr_syn"}, {"--columns=comm,retr_syn"}])
        with_comma = [candidates for candidates, _ in bash(lines, breaks=BREAKS + ",")]
        self.assertEqual(with_comma[1], {"retr_syn"})

    def test_a_list_goes_on_without_a_blank(self):
        answers = bash(["--columns co", "--sort co", "--src " + SOURCE + "/CM"])
        self.assertEqual([options for _, options in answers], ["-o nospace", "", "-o filenames"])

    def test_a_program_that_is_not_there_is_no_trouble(self):
        self.assertEqual(bash(["--"], program="/nowhere/tcp_stats_monitor"), [(set(), "")])

    def lines_at_a_terminal(self, *setup):
        at = Terminal(*setup, f"PATH={os.environ['PATH']}")
        lines = ["--kern", "--kernel-types=b", "--sort -bytes_ack", "--sort=-bytes_ack", "--columns=comm,duration",
                 "--where 'dpo", "--where 'dport == 443 a", "--where \"state == est", "--state established,LAS", "-ojs"]
        return [at.after_tab(f"{PROGRAM} {line}").removeprefix(PROGRAM + " ") for line in lines]

    expected_at_a_terminal = ["--kernel-types ", "--kernel-types=btf ", "--sort -bytes_acked ", "--sort=-bytes_acked ",
                              "--columns=comm,duration_ms", "--where 'dport ", "--where 'dport == 443 and ",
                              "--where \"state == established\" ", "--state established,LAST_ACK", "-ojson "]

    def test_at_a_terminal(self):
        self.assertEqual(self.lines_at_a_terminal(f". {BASH_FILE}"), self.expected_at_a_terminal)

    @unittest.skipUnless(os.path.exists(BASH_COMPLETION), "the package bash-completion is not installed")
    def test_at_a_terminal_with_bash_completion(self):
        setup = [f". {BASH_COMPLETION}", f". {BASH_FILE}"]
        self.assertEqual(self.lines_at_a_terminal(*setup), self.expected_at_a_terminal)
        sudo = Terminal(*setup, f"PATH={os.environ['PATH']}")
        self.assertEqual(sudo.after_tab(f"sudo {PROGRAM} --sort=-bytes_ack"), f"sudo {PROGRAM} --sort=-bytes_acked ")


class Zsh(Completion, unittest.TestCase):
    def complete(self, lines, program=PROGRAM):
        return zsh(lines, program)

    def words(self, answer):
        return answer[0]

    def test_at_a_terminal(self):
        lines = ["--kern", "--kernel-types=b", "--sort -bytes_ack", "--columns=comm,duration", "--where 'dpo",
                 "--where 'dport == 443 a", "-ojs"]
        self.assertEqual([line for _, line in zsh(lines)],
                         ["--kernel-types=", "--kernel-types=btf ", "--sort -bytes_acked ", "--columns=comm,duration_ms,",
                          "--where 'dport", "--where 'dport == 443 and", "-ojson "])


if __name__ == "__main__":
    os.environ["PATH"] = os.path.dirname(os.path.abspath(sys.argv.pop(1))) + ":" + os.environ["PATH"]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["ZSH_DUMP"] = os.path.join(scratch, "dump")
        unittest.main()
