"""What all comparisons with peers share: ways that take turns on one machine, and ratios of processor time.

A busy machine slows whoever runs, so ways are run one after the other again and again in one process, and what is told
is how many times the processor time of a first way another takes: the median over the turns, and the noise as the
middle half of them.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One way, measured."""

    what: str
    ratio: float
    """Processor time against the first way's."""
    low: float
    high: float
    """The middle half of the turns."""
    seconds: float
    """Processor seconds, the median."""
    leaves: str = ""
    """What is there afterwards, and anything else to know."""


def in_turns(
    ways: Mapping[str, Callable[[], Any]],
    repeats: int,
    against: str,
    leaves: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.process_time,
) -> list[Row]:
    """Run each way once unmeasured, then all of them in turns."""
    for run in ways.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, run in ways.items():
            begin = clock()
            run()
            taken[name].append(max(clock() - begin, 1e-9))
    rows = []
    for name, seconds in taken.items():
        ratios = sorted(s / base for s, base in zip(seconds, taken[against], strict=True))
        quarter = len(ratios) // 4
        rows.append(
            Row(
                name,
                statistics.median(ratios),
                ratios[quarter],
                ratios[-1 - quarter],
                statistics.median(seconds),
                (leaves or {}).get(name, ""),
            )
        )
    return rows


def table(rows: Iterable[Row], work: str) -> None:
    """Print rows as Markdown's tables have them, under the work that all of them did."""
    for row in rows:
        noise = f"{row.low:.2f}–{row.high:.2f}"
        print(f"| {work} | {row.what} | {row.ratio:.2f} | {noise} | {row.seconds:.3g} | {row.leaves} |", flush=True)
