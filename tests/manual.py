"""The manual page against mandoc and against --help. manual.py PROGRAM PAGE; needs no root and no kernel."""
import functools
import re
import shlex
import subprocess
import sys
import unittest

PROGRAM, PAGE = sys.argv[1:3]
del sys.argv[1:3]


@functools.cache
def help_text():
    return subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True, env={"LC_ALL": "C"}).stdout


def page_sections():
    with open(PAGE, encoding="utf-8") as file:
        parts = re.split(r"^\.Sh (.*)\n", file.read(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def options_in(text):
    """Of mdoc: `Fl -where` is --where, `Fl o` is -o; what stands behind a | belongs to the Fl before it."""
    flags = re.findall(r"\bFl (-?\w[\w-]*)", text) + re.findall(r"\| (-\w[\w-]*)", text)
    return {"-" + flag for flag in flags}


def options_of_help():
    return set(re.findall(r"^  (-\w) \[", help_text(), re.MULTILINE)) | set(
        re.findall(r"^  (?:-\w \[ )?(--[\w-]+)", help_text(), re.MULTILINE))


def long_names():
    """-o: --output"""
    return dict(re.findall(r"^  (-\w) \[ (--[\w-]+)", help_text(), re.MULTILINE))


def choices_of_help():
    return dict(re.findall(r"^  (?:-\w \[ )?(--[\w-]+)(?: \])? (\w+(?:\|\w+)+)", help_text(), re.MULTILINE))


class Manual(unittest.TestCase):
    def test_mandoc_has_nothing_to_say(self):
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True)
        self.assertEqual((lint.returncode, lint.stdout), (0, ""))

    def test_its_options_are_those_of_help(self):
        items = re.findall(r"^\.It (Fl .*)$", page_sections()["OPTIONS"], re.MULTILINE)
        self.assertEqual({option for item in items for option in options_in(item)}, options_of_help())

    def test_the_synopsis_has_every_option_once(self):
        shown = options_in(page_sections()["SYNOPSIS"])
        self.assertEqual({long_names().get(option, option) for option in shown},
                         {option for option in options_of_help() if option.startswith("--")})

    def test_it_speaks_of_no_other_option(self):
        for name, section in page_sections().items():
            self.assertLessEqual(options_in(section) - {"-Ns"}, options_of_help(), name)

    def test_choices_are_those_of_help(self):
        for name in ("SYNOPSIS", "OPTIONS"):
            shown = re.findall(r"Fl (-[\w-]+|\w) Cm (\w+(?: \| \w+)+)", page_sections()[name])
            choices = {long_names().get("-" + flag, "-" + flag): words.replace(" ", "") for flag, words in shown}
            self.assertEqual(choices, choices_of_help(), name)

    def test_exit_statuses_are_those_of_help(self):
        said = re.findall(r"\b(\d+) ", help_text()[help_text().index("Exit status:"):])
        self.assertEqual(re.findall(r"^\.It (\d+)", page_sections()["EXIT STATUS"], re.MULTILINE), said)

    def test_the_examples_options_are_accepted(self):
        text = page_sections()["EXAMPLES"].replace("\\e\n", " ")
        commands = re.findall(r"^(?:\.Dl )?[#$] tcp_stats_monitor(.*)$", text, re.MULTILINE)
        self.assertGreater(len(commands), 10)
        for command in commands:
            lexer = shlex.shlex(command, posix=True, punctuation_chars="|>")
            lexer.whitespace_split = True
            words = list(lexer)
            words = words[:next((i for i, word in enumerate(words) if word in ("|", ">")), None)]
            asked = subprocess.run([PROGRAM, *words, "--help"], capture_output=True, text=True)
            self.assertEqual((asked.returncode, asked.stderr), (0, ""), command)


if __name__ == "__main__":
    unittest.main()
