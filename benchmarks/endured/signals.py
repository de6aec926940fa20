"""Signals at random moments, deaths at points of writing, and a disk that is full from such a point on.

Whatever happens, the same command given again must end with status 0 and leave the bytes of a calm run: nothing
else, nothing half-written. Ctrl-C must end with status 130, a full disk with one line and status 2.
"""

import collections
import os
import random
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from endured.children import Done, changing, content, die_at, refuse_from, run
from endured.commands import COMMANDS

KINDS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL}
AGAIN = 5
"""Signals that one folder survives before the command may end."""
COLD = 20
"""Every so many runs, one begins with Python itself."""


class Trials:
    """One command, tried again and again in a folder that begins as ``base``."""

    def __init__(self, base: Path, name: str) -> None:
        self.base, self.words = base, COMMANDS[name]
        self.folder = base.with_name("trial")
        self.fresh()
        told = base.with_name("points")
        handle = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self.calm = run(self.words, self.folder, changing(lambda _: os.write(handle, b".") and None))
        os.close(handle)
        self.points = told.stat().st_size
        """Changes that it makes on the disk."""
        if self.calm.status:
            raise SystemExit(f"{name}: {self.calm.said}")
        self.content = content(self.folder)
        self.ends: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []

    def fresh(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.base, self.folder)

    def once(self, kill: tuple[int, float] | None = None, before: Callable[[], None] = lambda: None) -> Done:
        return run(self.words, self.folder, before, kill)

    def cold(self, kill: tuple[int, float] | None = None) -> Done:
        """A run that begins with Python itself."""
        return run(self.words, self.folder, kill=kill, cold=True)

    def count(self, kind: str, done: Done, right: set[int]) -> None:
        """How a disturbed run ended: ``right`` are the statuses that it may have, beside that it was done before."""
        self.ends[kind] += done.status != 0
        self.ends["had ended"] += done.status == 0
        silent = done.status == 130 and done.said.count("unitscope: stopped") != 1
        if silent or done.status not in right | {0} or "Traceback" in done.said or "fault of unitscope" in done.said:
            self.wrong.append(f"{kind}: status {done.status}: {done.said[-400:]}")

    def finish(self, what: str) -> None:
        """The same command once more."""
        done = self.once()
        found = content(self.folder)
        if done.status:
            self.wrong.append(f"wedged after {what}: status {done.status}: {done.said[-400:]}")
        elif found != self.content:
            names = sorted(
                name for name in found.keys() | self.content.keys() if found.get(name) != self.content.get(name)
            )
            self.wrong.append(f"other bytes after {what}: {', '.join(names[:5])}")


def signals(trials: Trials, count: int, kinds: Sequence[str], draw: random.Random) -> None:
    """So many signals of some kinds at random moments, a few of them of runs that begin with Python itself."""
    trials.fresh()
    cold = trials.cold().seconds if count >= COLD else 0.0
    for number in range(count):
        if number % AGAIN == 0:
            trials.fresh()
        kind = draw.choice(kinds)
        if number % COLD == COLD - 1:
            done = trials.cold((KINDS[kind], draw.uniform(0, cold)))
            # Before Python listens, Ctrl-C is a signal like the others, which a shell calls 130.
            trials.count(f"{kind}, cold", done, {130, -signal.SIGINT} if kind == "Ctrl-C" else {-KINDS[kind]})
        else:
            done = trials.once((KINDS[kind], draw.uniform(0, trials.calm.seconds)))
            trials.count(kind, done, {130} if kind == "Ctrl-C" else {-KINDS[kind]})
        if number % AGAIN == AGAIN - 1 or number == count - 1:
            trials.finish("signals")


def points(trials: Trials, most: int, draw: random.Random) -> None:
    """Death, and a full disk, at points of writing: all, or ``most`` of them."""
    for kind, at, right in (("death", die_at, {-signal.SIGKILL}), ("full disk", refuse_from, {2})):
        for instant in sorted(draw.sample(range(1, trials.points + 1), min(most, trials.points))):
            trials.fresh()
            done = trials.once(before=at(instant))
            trials.count(kind, done, right)
            trials.finish(f"{kind} at point {instant} of {trials.points}")


def endure(base: Path, names: Sequence[str], count: int, most: int, kinds: Sequence[str] = tuple(KINDS)) -> list[str]:
    """All of it for some commands; gives what went wrong."""
    draw, wrong = random.Random(0), []
    for name in names:
        trials = Trials(base, name)
        signals(trials, count, kinds, draw)
        points(trials, most, draw)
        print(f"{name} ({trials.calm.seconds:.1f} s): {dict(trials.ends)}, wrong: {len(trials.wrong)}", flush=True)
        for line in trials.wrong[:4]:
            print("   ", line, flush=True)
        wrong += [f"{name}: {line}" for line in trials.wrong]
    return wrong
