"""Runs checks inside the lab: run.py GROUP[,GROUP…] [NAME…]. Exit status 1 if one fails."""
import sys
import time
import traceback

import asking  # noqa: F401
import bundle  # noqa: F401
import conditions  # noqa: F401
import endings  # noqa: F401
import flows  # noqa: F401
import harness
import how_long  # noqa: F401
import how_they_end  # noqa: F401
import last_records  # noqa: F401
import limits  # noqa: F401
import live  # noqa: F401
import metrics  # noqa: F401
import missed  # noqa: F401
import older_flows  # noqa: F401
import privileges  # noqa: F401
import recording  # noqa: F401
import refusals  # noqa: F401
import sending  # noqa: F401
import service  # noqa: F401
import sources  # noqa: F401
import starting  # noqa: F401
import transfers  # noqa: F401
import who  # noqa: F401

wanted, names = set(sys.argv[1].split(",")), sys.argv[2:]
chosen = [(function, compiles_here) for groups, function, compiles_here in harness.checks
          if wanted & groups and (not names or function.__name__ in names)]
failed = 0
for function, compiles_here in chosen:
    start = time.monotonic()
    try:
        harness.compile_outside(not compiles_here)
        function()
        verdict = "ok"
    except harness.Skipped as reason:
        verdict = f"skipped: {reason}"
    except Exception:
        failed += 1
        verdict = "FAILED\n" + traceback.format_exc()
    print(f"{time.monotonic() - start:6.1f} s  {function.__name__.replace('_', ' ')}: {verdict}", flush=True)
print(f"kernel {harness.KERNEL}, headers {'installed' if harness.HEADERS else 'absent'}: "
      f"{len(chosen) - failed} of {len(chosen)} checks hold", flush=True)
sys.exit(1 if failed or not chosen else 0)
