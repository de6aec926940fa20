"""The page that ``view`` serves is killed, and the disk filled, while somebody writes notes on units in it.

Notes are kept with the time, so no two runs leave the same bytes: each note that was answered must be there once, in
order, with at most the one beside that was on its way, and nothing half-written.
"""

import collections
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from endured.children import LONGEST, changing, die_at, refuse_from, run
from endured.signals import KINDS

WORDS = ["view", "run", "--no-browser", "--port", "0"]
EACH = 12
"""Notes that are written in one go."""


def _server(pid: Path) -> int:
    """The process that serves, once it has written down its number."""
    while not (pid.exists() and pid.read_text().isdigit()):
        time.sleep(0.005)
    return int(pid.read_text())


def _writer(said: Path, answered: Path, pid: Path, sent: int, when: float) -> int:
    """A process that waits for the page, writes notes and keeps the names of those that were answered.

    It sends a signal amid the note of the number ``when``, before the page is there where that is negative, and at
    last when all is written.
    """
    child = os.fork()
    if child:
        return child

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(_server(pid), sent)

    with answered.open("w") as kept:
        _server(pid)
        if when < 0:
            time.sleep(-when)
            kill()
        url, took, ended = None, 0.02, time.monotonic() + LONGEST
        while url is None and time.monotonic() < ended:
            time.sleep(0.005)
            url = re.search(r"(http\S+/)\S*?token=([\w-]+)", said.read_text() if said.exists() else "")
        for number in range(EACH if url else 0):
            if int(when) == number:
                threading.Timer(when % 1 * took, kill).start()
            note = json.dumps({"unit": "rnn.0.hidden/0", "name": f"{os.getpid()} {number}"}).encode()
            head = {"Cookie": f"unitscope={url[2]}", "Content-Type": "application/json"}  # type: ignore[index]
            begun = time.monotonic()
            try:
                with urllib.request.urlopen(
                    urllib.request.Request(f"{url[1]}r/0/api/note.json", note, head),
                    timeout=60,  # type: ignore[index]
                ):
                    kept.write(f"{os.getpid()} {number}\n")
            except urllib.error.HTTPError as error:  # a full disk, in words
                if error.code >= 500 or "full" not in error.read().decode():
                    kept.write(f"WRONG {error.code}\n")
            except (OSError, http.client.HTTPException):
                break
            took = time.monotonic() - begun
            kept.flush()
        kill()
    os._exit(0)


class Trials:
    """A page that is served, written into and stopped, again and again in one folder."""

    def __init__(self, base: Path) -> None:
        self.folder = base.with_name("trial")
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(base, self.folder)
        self.told: list[str] = []
        self.answered = 0
        self.ends: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []

    def once(
        self, kind: str, sent: int, right: set[int], when: float = EACH, before: Callable[[], None] = lambda: None
    ) -> None:
        """Serve until a signal comes."""
        said, answered, pid = (self.folder.with_name(name) for name in ("trial.said", "answered", "pid"))
        for path in (said, answered, pid):
            path.unlink(missing_ok=True)

        def begin() -> None:
            pid.write_text(str(os.getpid()))
            before()

        writer = _writer(said, answered, pid, sent, when)
        done = run(WORDS, self.folder, begin)
        time.sleep(0.02)
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        new = answered.read_text().split("\n")[:-1] if answered.exists() else []
        self.ends[kind] += 1
        if done.status not in right or "Traceback" in done.said or any("WRONG" in note for note in new):
            self.wrong.append(f"{kind}: status {done.status}, {new}: {done.said[-400:]}")
        new = [note for note in new if "WRONG" not in note]
        self.answered += len(new)
        self._compare(kind, f"{writer} ", new)

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
        self.once("calm", signal.SIGTERM, {-signal.SIGTERM})
        checked = run(["verify", "run"], self.folder)
        left = [path.name for path in (self.folder / "run").rglob("*.partial")]
        if checked.status or left:
            self.wrong.append(f"left {left}, verify {checked.status}: {checked.said[-300:]}")


def notes(base: Path, count: int, most: int) -> list[str]:
    """So many signals, and deaths and full disks at changes; gives what went wrong."""
    draw, trials = random.Random(0), Trials(base)
    told = base.with_name("points")
    handle = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    trials.once("calm", signal.SIGTERM, {-signal.SIGTERM}, before=changing(lambda _: os.write(handle, b".") and None))
    points = told.stat().st_size
    for number in range(count):
        kind = draw.choice(list(KINDS))
        when = -draw.random() / 2 if number % 10 == 9 else draw.uniform(0, EACH)
        trials.once(kind, KINDS[kind], {130} if kind == "Ctrl-C" else {-KINDS[kind]}, when)
    trials.finish()
    for instant in sorted(draw.sample(range(1, points + 1), min(most, points))):
        trials.once("death", signal.SIGTERM, {-signal.SIGKILL, -signal.SIGTERM}, before=die_at(instant))
        trials.once("full disk", signal.SIGTERM, {-signal.SIGTERM, 2}, before=refuse_from(instant))
    trials.finish()
    print(
        f"notes of view ({trials.answered} answered, {len(trials.told)} kept, {points} points): "
        f"{dict(trials.ends)}, wrong: {len(trials.wrong)}",
        flush=True,
    )
    for line in trials.wrong[:6]:
        print("   ", line, flush=True)
    return [f"notes: {line}" for line in trials.wrong]
