"""compile_server.py DIRECTORY COMPILER: compiles for a guest what compile_outside puts into DIRECTORY.

Runs where /lib/modules, /usr/src and /sys/kernel/btf are those of the guest's kernel.
"""
import os
import subprocess
import sys
import threading
import time

directory, compiler = sys.argv[1:]
ABOUT_MESSAGES = ("LANG", "LANGUAGE", "LC_", "LOCPATH", "BCC_", "ARCH", "TZ", "PATH", "HOME")
# Where the guest's kernel has no BTF, or a check hides it.
WITHOUT_BTF = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /sys/kernel/btf/vmlinux && exec "$@"', "sh")


def strings(path):
    with open(path, "rb") as file:
        return file.read().decode().split("\0")[:-1]


def compiled(asked):
    """The status of the compiler, or that of a compile that could not be begun, with the reason among its words."""
    with (open(f"{asked}/input", "rb") as request, open(f"{asked}/output", "wb") as output,
          open(f"{asked}/words", "wb") as words):
        try:
            environment = dict(variable.split("=", 1) for variable in strings(f"{asked}/environment")
                               if variable.startswith(ABOUT_MESSAGES))
            hiding = WITHOUT_BTF if os.path.exists(f"{asked}/without_btf") else ()
            return subprocess.run([*hiding, compiler, *strings(f"{asked}/arguments")], env=environment, stdin=request,
                                  stdout=output, stderr=words).returncode
        except (OSError, ValueError) as error:
            words.write(f"compile_server.py cannot run {compiler}: {error}\n".encode())
            return 125


def answer(asked):
    status = compiled(asked)
    with open(f"{asked}/status", "w") as file:
        file.write(str(status))
    os.rename(asked, asked.replace("/asked.", "/answered."))


begun = set()
open(f"{directory}/ready", "w").close()
while True:
    for name in os.listdir(directory):
        if name.startswith("asked.") and name not in begun:
            begun.add(name)
            threading.Thread(target=answer, args=(f"{directory}/{name}",), daemon=True).start()
    time.sleep(0.01)
