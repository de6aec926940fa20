"""Two commands at once on one recording, in every pair: both do what they do, or one is refused in one line."""

import collections
import itertools
import os
import shutil
from pathlib import Path

from endured.children import run
from endured.commands import COMMANDS

WRITING = ("record", "analyze", "ask", "ablate", "respond", "probe", "match", "compare", "report", "train text",
           "import")  # fmt: skip


def together(base: Path) -> list[str]:
    """Every pair of commands that write, each with itself too; gives what went wrong."""
    trial = base.with_name("trial")
    ends: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    for pair in itertools.combinations_with_replacement(WRITING, 2):
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(base, trial)
        other = os.fork()
        if not other:
            done = run(COMMANDS[pair[1]], trial, output=base.with_name("other.said"))
            os._exit(done.status if done.status >= 0 else 99)
        one = run(COMMANDS[pair[0]], trial)
        two = os.waitstatus_to_exitcode(os.waitpid(other, 0)[1])
        said = one.said + base.with_name("other.said").read_text(errors="replace")
        ends["both done" if one.status == two == 0 else "one refused" if {one.status, two} == {0, 2} else "OTHER"] += 1
        bad = "Traceback" in said or "fault of unitscope" in said or {one.status, two} not in ({0}, {0, 2})
        left = [path.name for path in trial.rglob("*.partial")]
        checked = run(["verify", "run"], trial)
        if bad or left or checked.status:
            wrong.append(f"{pair}: {one.status}, {two}, left {left}, verify {checked.status}: {said[-500:]}")
            print("   ", wrong[-1][:700], flush=True)
    print(f"two at once: {dict(ends)}, wrong: {len(wrong)}", flush=True)
    return wrong
