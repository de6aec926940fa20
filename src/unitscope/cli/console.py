"""What a person sees while a command runs: progress on standard error, results on standard output."""

import contextlib
import os
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from unitscope.progress import Progress

PIPED = 200
"""Columns of what goes to a file or another program: tables are not squeezed, so names stay whole."""

out = Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED)
error = Console(stderr=True, highlight=False)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar per stage. Yields what to call with the stage, steps done and steps in all."""
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


def renamed(show: Progress, stage: str) -> Progress:
    """Progress that is shown under another name."""
    return lambda _, done, total: show(stage, done, total)
