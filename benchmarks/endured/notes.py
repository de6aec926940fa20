"""The page that ``view`` serves is killed, and the disk filled, while somebody writes notes on units in it.

Notes are kept with the time, so no two runs leave the same bytes: each note that was answered must be there once, in
order, with at most the one beside that was on its way, and nothing half-written.
"""

import collections
import contextlib
import json
import os
import random
import re
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from endured.children import changing, die_at, refuse_from, run

WORDS = ["view", "run", "--no-browser", "--port", "0"]
EACH = 12
"""Notes that are written in one go."""
LONG = 1.5
"""Seconds in which the page is there and they are written."""
KINDS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL}


def _writer(said: Path, answered: Path) -> int:
    """A process that waits for the page and writes notes, and keeps the names of those that were answered."""
    child = os.fork()
    if child:
        return child
    with answered.open("w") as kept:
        url = None
        while url is None:
            time.sleep(0.005)
            url = re.search(r"(http\S+/)\S*?token=([\w-]+)", said.read_text() if said.exists() else "")
        for number in range(EACH):
            note = json.dumps({"unit": "rnn.0.hidden/0", "name": f"{os.getpid()} {number}"}).encode()
            asked = urllib.request.Request(
                f"{url[1]}r/0/api/note.json",
                note,
                {"Cookie": f"unitscope={url[2]}", "Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(asked, timeout=60):
                    kept.write(f"{os.getpid()} {number}\n")
            except urllib.error.HTTPError as error:  # a full disk, in words
                if error.code >= 500 or "full" not in error.read().decode():
                    kept.write(f"WRONG {error.code}\n")
            except OSError:
                break
            kept.flush()
    os._exit(0)


class Trials:
    """A page that is served, written into and stopped, again and again in one folder."""

    def __init__(self, base: Path) -> None:
        self.folder = base.with_name("trial")
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(base, self.folder)
        self.told: list[str] = []
        self.ends: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []

    def once(
        self, kind: str, kill: tuple[int, float], right: set[int], before: Callable[[], None] = lambda: None
    ) -> int:
        """Serve until a signal comes; gives the number of notes that were answered meanwhile."""
        said, answered = self.folder.with_name("trial.said"), self.folder.with_name("answered")
        said.unlink(missing_ok=True)
        answered.unlink(missing_ok=True)
        writer = _writer(said, answered)
        done = run(WORDS, self.folder, before, kill)
        with contextlib.suppress(ProcessLookupError):
            os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        new = answered.read_text().split("\n")[:-1] if answered.exists() else []
        self.ends[kind] += 1
        if done.status not in right or "Traceback" in done.said or any("WRONG" in note for note in new):
            self.wrong.append(f"{kind}: status {done.status}, {new}: {done.said[-400:]}")
        self._compare(kind, f"{writer} ", [note for note in new if "WRONG" not in note])
        return len(new)

    def _compare(self, kind: str, mine: str, new: list[str]) -> None:
        from unitscope.page.parts.notes import read_notes

        there = [note.name for note in read_notes(self.folder / "run")]
        kept, now = (
            [note for note in there if not note.startswith(mine)],
            [note for note in there if note.startswith(mine)],
        )
        if kept != self.told or now[: len(new)] != new or len(now) > len(new) + 1:
            self.wrong.append(f"{kind}: of {new} these are there: {now}")
        self.told = there

    def finish(self) -> None:
        """Nothing is left over once another note is written, and all is sound."""
        self.once("calm", (signal.SIGTERM, 2.0), {-signal.SIGTERM})
        checked = run(["verify", "run"], self.folder)
        left = [path.name for path in (self.folder / "run").rglob("*.partial")]
        if checked.status or left:
            self.wrong.append(f"left {left}, verify {checked.status}: {checked.said[-300:]}")


def notes(base: Path, count: int, most: int) -> list[str]:
    """So many signals, and deaths and full disks at changes; gives what went wrong."""
    draw, trials = random.Random(0), Trials(base)
    told = base.with_name("points")
    handle = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    begun = time.perf_counter()
    trials.once("calm", (signal.SIGTERM, 4.0), {-signal.SIGTERM}, changing(lambda _: os.write(handle, b".") and None))
    points = told.stat().st_size
    for _ in range(count):
        kind = draw.choice(list(KINDS))
        trials.once(kind, (KINDS[kind], draw.uniform(0, LONG)), {130} if kind == "Ctrl-C" else {-KINDS[kind]})
    trials.finish()
    for instant in sorted(draw.sample(range(1, points + 1), min(most, points))):
        trials.once("death", (signal.SIGTERM, LONG), {-signal.SIGKILL, -signal.SIGTERM}, die_at(instant))
        trials.once("full disk", (signal.SIGTERM, LONG), {-signal.SIGTERM}, refuse_from(instant))
    trials.finish()
    print(
        f"notes of view ({len(trials.told)} kept, {points} points, {time.perf_counter() - begun:.0f} s): "
        f"{dict(trials.ends)}, wrong: {len(trials.wrong)}",
        flush=True,
    )
    for line in trials.wrong[:6]:
        print("   ", line, flush=True)
    return [f"notes: {line}" for line in trials.wrong]
