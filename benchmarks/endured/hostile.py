"""Recordings made by somebody who means harm, given to every command.

Every text that a kept file holds becomes, in turn, the name of a program, of a file elsewhere, an address, a pattern
that never ends and more; all digests are right. An audit hook sees whether anything outside of the recording is opened,
anything is run, or an address is asked for; no command may take long or much memory, and none end with a traceback.
"""

import collections
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from endured.children import WRITES, Done, content, run
from endured.sealing import Place, at, change_rows, places, put, read, reseal, write

MARK = "never-to-be-opened"
"""So begins the name of every file that must not be opened; a name in percent codes is one within the recording."""
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto",
           "urllib.Request", "http.client.connect", "ftplib.connect")  # fmt: skip
PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn", "webbrowser.open")

READING: dict[str, list[str]] = {
    "info": ["info", "run"],
    "verify": ["verify", "run"],
    "analyze": ["analyze", "run", "moments", "examples:count=2"],
    "report": ["report", "run", "--table", "units.csv"],
    "report --unit": ["report", "run", "--unit", "rnn.0.hidden/3"],
    "match": ["match", "run", "he", "--threshold", "0.001"],
    "export": ["export", "run", "run.npz", "--label", "digit"],
    "export for LSTMVis": ["export", "run", "lstmvis"],
    "compare": ["compare", "run", "net2", "--text", "text.txt", "--part", "all", "--sites", "*.hidden"],
    "respond": ["respond", "run", "--drive-steps", "20", "--sequences", "2"],
    "ablate": ["ablate", "run", "--sequences", "2"],
    "ask": ["ask", "run", "--label", "digit", "--baselines", "0"],
    "probe": ["probe", "run", "--no-codelength", "--no-untrained", "--sites", "*.hidden"],
    "record": ["record", "net", "text.txt", "--out", "run", "--part", "all", "--length", "64", "--context", "16"],
}  # fmt: skip


def payloads(outside: Path) -> list[str]:
    """What a text becomes."""
    return [
        f"{outside}/program.py:f", f"run/{MARK}.py:f", f"{MARK}.py:f", f"{outside}/written", "../outside/written",
        f"../../outside/{MARK}", f"hf:someone/{MARK}", f"https://example.org/{MARK}", f"s3://bucket/{MARK}",
        f"words:{outside}/words.txt", f"bank:{outside}", f"neighbours:{outside}", f"file://{outside}/words.txt",
        "regex:([a-z ]+)+#@", "regex:(a|a)*$#", f"column:{outside}", f"<script src='https://example.org/{MARK}'>",
        f"=HYPERLINK(\"https://example.org/{MARK}\")", "\x1b]0;title\x07\x1b[2J", "x" * 300_000, "",
    ]  # fmt: skip


def targets(base: Path) -> list[tuple[str, Place | str]]:
    """Every text of every kept file: a place in JSON or in a header, or a column; of like ones the first."""
    found: dict[tuple[str, str], tuple[str, Place | str]] = {}
    folder = base / "run"
    for path in sorted(folder.rglob("*")):
        inside = str(path.relative_to(folder))
        kind = re.sub(r"rnn\.0\.\w+", "*", inside)
        if path.suffix == ".parquet":
            for column in ("name", "digest", "whole", "text") if path.stem == "documents" else ():
                found[kind, column] = (inside, column)
        elif path.suffix in (".json", ".safetensors"):
            plain = read(path)
            for place in places(plain):
                if isinstance(at(plain, place), str):
                    alike = ".".join("*" if isinstance(key, int) else key for key in place)
                    found.setdefault((kind, alike), (inside, place))
    return list(found.values())


def variants(base: Path, count: int, draw: random.Random) -> Iterator[tuple[str, Path, Place | str, str]]:
    """So many changes: every place before any place twice."""
    known, every = targets(base), payloads(base.with_name("outside"))
    drawn: list[tuple[str, Place | str]] = []
    for _ in range(count):
        if not drawn:
            drawn = draw.sample(known, len(known))
        inside, place = drawn.pop()
        yield inside, base / "run" / inside, place, draw.choice(every)


def spoil(path: Path, place: Place | str, payload: str) -> None:
    """Put a text in a place, and make the digests right."""
    if isinstance(place, str):
        change_rows(path, lambda name, rows: [payload] * len(rows) if name == place else rows)
    else:
        write(path, put(read(path), place, payload))


def watched(trial: Path, outside: Path, seen: Path) -> Any:
    """What to do before a command so that it is said in the file ``seen`` where it does what it must not."""

    def begin() -> None:
        handle = os.open(seen, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        own = os.path.join(tempfile.gettempdir(), "unitscope-")  # temporary files of the program
        allowed = (str(trial), "/dev/", "/proc/", "/sys/", str(trial.with_name("trial.said")), own)

        def hook(event: str, details: tuple[Any, ...]) -> None:
            said = ""
            if event == "open" and isinstance(details[0], str | bytes):
                name = os.fsdecode(details[0])
                where = os.path.normpath(os.path.join(os.getcwd(), name))
                writes = isinstance(details[2], int) and bool(details[2] & WRITES)
                if (
                    os.path.basename(where).startswith(MARK)
                    or where.startswith(str(outside))
                    or (writes and not where.startswith(allowed))
                ):
                    said = f"opens {where}"
            elif event in NETWORK or event in PROGRAMS:
                said = f"{event} {details}"
            elif event == "exec":
                name = str(getattr(details[0], "co_filename", ""))
                if name.startswith((str(trial), str(outside))) or MARK in name:
                    said = f"runs {name}"
            if said:
                os.write(handle, f"{said[:300]}\n".encode(errors="replace"))

        sys.addaudithook(hook)

    return begin


def surround(base: Path) -> Path:
    """Make the folder outside, whose files are what names lead to, and the program inside."""
    outside = base.with_name("outside")
    shutil.rmtree(outside, ignore_errors=True)
    outside.mkdir()
    ran = str(outside / "ran")
    program = f"import numpy as np\nopen({ran!r}, 'w')\ndef f(text):\n    return np.zeros(len(text), bool)\n"
    (outside / "program.py").write_text(program)
    (outside / "words.txt").write_text("fox\n")
    (outside / MARK).write_text("")
    for folder in (base, base / "run"):
        (folder / f"{MARK}.py").write_text(program)
    return outside


def hostile(base: Path, count: int) -> list[str]:
    """Give so many recordings each to every command that reads one; gives what went wrong."""
    outside, trial, seen = surround(base), base.with_name("trial"), base.with_name("seen")
    before, draw = content(outside), random.Random(1)
    ends: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    shutil.rmtree(trial, ignore_errors=True)
    shutil.copytree(base, trial)
    reseal(trial / "run")
    if content(trial) != content(base):
        wrong.append("the digests of a sound recording are made others, so nothing behind digests is tried")
    for inside, _, place, payload in variants(base, count, draw):
        for name, words in READING.items():
            shutil.rmtree(trial, ignore_errors=True)
            shutil.copytree(base, trial)
            spoil(trial / "run" / inside, place, payload)
            reseal(trial / "run")
            seen.unlink(missing_ok=True)
            done = run(words, trial, watched(trial, outside, seen))
            ends[{0: "done", 1: "named damage", 2: "refused"}.get(done.status, "OTHER")] += 1
            for said in _judge(done, seen.read_text() if seen.exists() else ""):
                wrong.append(f"{name}: {inside} {place} = {payload[:60]!r}: {said}")
                print("   ", wrong[-1][:600], flush=True)
    if content(outside) != before:
        wrong.append("something outside was changed")
    print(
        f"hostile recordings: {count} of {len(targets(base))} kinds of place, each by {len(READING)} commands: "
        f"{dict(ends)}, wrong: {len(wrong)}",
        flush=True,
    )
    return wrong


def _judge(done: Done, seen: str) -> Iterator[str]:
    if seen:
        yield seen
    yield from done.faults()
    if "No such option" in done.said or "No such command" in done.said or "unexpected extra" in done.said:
        yield f"this file mistyped it: {done.said}"
    if "\x1b]0;" in done.said:
        yield "the terminal is told what to do"
