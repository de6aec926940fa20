"""Output of a command: progress on standard error, results on standard output."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from unitscope.progress import Progress, silent

PIPED = 200
"""Columns of what goes to a file or another program: tables are not squeezed, so names stay whole."""
EVERY = 10.0
"""Seconds between lines of progress where standard error is not a terminal."""

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\t\n\r"}
"""What would tell a terminal to do something, written out: names come from files of others."""


class Safe(Console):
    """A console whose text does nothing but stand there."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(visible(text), **how)


def visible(text: str) -> str:
    """Text in which what is no sign is written out."""
    return text.translate(CONTROLS)


STANDARD = Safe(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED)
error = Safe(stderr=True, highlight=False)
out = STANDARD
"""Where a command prints what people read."""
progress = True
"""Whether progress is shown."""


def begin(quiet: bool = False, shown: bool = True) -> None:
    """Set up the output of a command: ``quiet`` prints only errors and answers, ``shown`` is the state of progress."""
    global out, progress
    out, progress = STANDARD, shown and not quiet
    STANDARD.quiet = quiet


def for_machines(wanted: bool) -> bool:
    """With ``--json`` standard output is the answer alone, so everything else goes to standard error."""
    global out
    if wanted:
        out = Safe(stderr=True, highlight=False, quiet=STANDARD.quiet)
    return wanted


def answer(value: Any) -> None:
    """Print plain data, a dataclass or a table as JSON on standard output; what is not a number is ``null``."""
    if hasattr(value, "to_json"):
        frame = value if value.index.names == [None] else value.reset_index()
        text = frame.to_json(orient="records", double_precision=15)
    else:
        text = msgspec.json.encode(value).decode()
    print(text, file=sys.stdout, flush=True)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar per stage, or a line every some seconds where nobody sees bars. Yields a ``Progress``."""
    if not progress:
        yield silent
    elif not error.is_terminal:
        yield _lines()
    else:
        columns = (
            TextColumn("{task.description:<38}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Bars(*columns, console=error) as bars:
            tasks = {}

            def show(stage: str, done: int, total: int) -> None:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(stage, total=total)
                bars.update(tasks[stage], completed=done, total=total)

            yield show


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Say what is done before there is anything to count."""
    if not progress:
        yield
    elif error.is_terminal:
        with error.status(what):
            yield
    else:
        error.print(what, soft_wrap=True, markup=False)
        yield


def _lines() -> Progress:
    """The first step of a stage, its last, and a line every ``EVERY`` seconds between, with what the rest will take."""
    began: dict[str, tuple[float, int]] = {}
    said: dict[str, float] = {}

    def show(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        start, first = began.setdefault(stage, (now, done))
        if stage not in said or done == total or now - said[stage] >= EVERY:
            said[stage] = now
            rest = (now - start) / (done - first) * (total - done) if done > first else 0.0
            error.print(f"{stage}: {done:,} of {total:,}{f', {span(rest)} left' if rest else ''}", soft_wrap=True)

    return show


def span(seconds: float) -> str:
    """About how long, in words."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def say_as_read(*described: Mapping[str, str]) -> None:
    """Print what was found out about files, and what was left out, joined or not known, if anything was."""
    for told in dict.fromkeys(filter(None, (one.get("as read") for one in described))):
        out.print(f"as read: {told}")


def renamed(show: Progress, stage: str) -> Progress:
    """Progress that is shown under another name."""
    return lambda _, done, total: show(stage, done, total)
