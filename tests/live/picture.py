"""picture.py MONITOR FILE: runs the live view in a terminal, and writes what is seen to FILE, with its styles."""
import sys
import time

from terminal import Terminal, wait_for

monitor, file_name = sys.argv[1:]
with Terminal(columns=118, rows=22) as terminal:
    terminal.run(f"env -u NO_COLOR TERM=screen-256color {monitor} -o live -i 2 --columns "
                 "local,remote,comm,rtt_us,bytes_per_s,retr_per_s,limit,ended,error")
    wait_for("the view", lambda: "flows: " in terminal.screen(), 600)  # all is slow in the lab, and there is traffic
    time.sleep(20)  # for widths, rates and a round of short connections
    terminal.press("Down", "Down")
    wait_for("a connection that was refused", lambda: "refused" in terminal.screen())
    with open(file_name, "w", encoding="utf-8") as file:
        file.write(terminal.screen_with_styles())
    terminal.press("q")
    terminal.wait_for_no_text("flows: ")
