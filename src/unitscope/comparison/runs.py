"""Two groups of trained runs, tested with the run as the unit of evidence; with few runs it says how few.

The test is ``evidence.permutation``'s.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool

from unitscope.errors import InputError
from unitscope.evidence import welch
from unitscope.evidence.fdr import adjusted
from unitscope.evidence.permutation import divisions, of_difference, smallest_p, too_few
from unitscope.views import Field, Table


@dataclass(frozen=True)
class Difference:
    """One measure in two groups of runs."""

    measure: str
    means: tuple[float, float]
    difference: float
    """Second minus first."""
    low: float
    high: float
    """Welch's 95 % interval of the difference; NaN for a group of one run."""
    effect: float
    """Hedges' g: the difference in standard deviations of a run, corrected for few runs."""
    overlap: float
    """Probability that a run of the second group has more than one of the first, ties counting half."""
    p: float
    """Share of the divisions of the runs with a difference at least as large, in either direction."""
    q: float = math.nan
    """False discovery rate over the measures that were tested together (Benjamini & Hochberg)."""


@dataclass(frozen=True)
class Differences:
    """All measures of two groups, and what p can be at best."""

    names: tuple[str, str]
    runs: tuple[int, int]
    rows: list[Difference]
    smallest_p: float
    """That any data can reach with so many runs."""

    @property
    def warning(self) -> str:
        """Empty if there are enough runs for p < 0.05."""
        return too_few(*self.runs)

    def __getitem__(self, measure: str) -> Difference:
        for row in self.rows:
            if row.measure == measure:
                return row
        raise InputError(f"{measure!r} was not measured; there are: {', '.join(row.measure for row in self.rows)}")

    def to_pandas(self) -> pd.DataFrame:
        """One row per measure."""
        first, second = self.names
        rows = [
            {
                "measure": row.measure, f"mean, {first}": row.means[0], f"mean, {second}": row.means[1],
                "difference": row.difference, "low": row.low, "high": row.high, "effect": row.effect,
                "overlap": row.overlap, "p": row.p, "q": row.q,
            }
            for row in self.rows
        ]  # fmt: skip
        return pd.DataFrame(rows).set_index("measure") if rows else pd.DataFrame()

    def view(self) -> Table:
        first, second = self.names
        fields = [
            Field("measure", "text"),
            Field(first, "number", "mean over the runs"),
            Field(second, "number", "mean over the runs"),
            Field("difference", "number", f"{second} − {first}"),
            Field("low", "number", "Welch's 95 % interval over runs"),
            Field("high", "number", "Welch's 95 % interval over runs"),
            Field("Hedges' g", "number", "the difference in standard deviations of a run, corrected for few runs"),
            Field("overlap", "share", f"probability that a run of {second} has more than one of {first}"),
            Field("p", "number", "exact, over all divisions of the runs into two groups"),
            Field("q", "number", "p corrected for all measures of this table"),
        ]
        rows = [[r.measure, *r.means, r.difference, r.low, r.high, r.effect, r.overlap, r.p, r.q] for r in self.rows]
        note = f"{self.runs[0]} and {self.runs[1]} runs; p cannot be below {self.smallest_p:.2g}. {self.warning}"
        return Table(f"{first} against {second}, over runs", fields, rows, note=note.strip())


def compare_runs(
    first: Mapping[str, Sequence[float]],
    second: Mapping[str, Sequence[float]],
    names: tuple[str, str] = ("first", "second"),
    seed: int = 0,
) -> Differences:
    """Test every measure: ``{measure: one number per run}`` for each group.

    A measure that is not finite in some run is left out. Raises ``InputError`` for groups without runs, and for
    measures with different numbers of runs.
    """
    sizes = []
    for name, group in zip(names, (first, second), strict=True):
        counts = {len(values) for values in group.values()}
        if len(counts) != 1 or not max(counts):
            raise InputError(f"{name} needs at least one run, and one number of every measure for each run")
        sizes.append(counts.pop())
    measures = [
        name for name in first if name in second and np.isfinite([*first[name], *second[name]]).all()
    ]  # fmt: skip
    members = divisions(sizes[0], sizes[1], seed)
    rows = [_difference(name, np.array(first[name]), np.array(second[name]), members) for name in measures]
    q = adjusted(np.array([row.p for row in rows]))
    rows = [replace(row, q=float(value)) for row, value in zip(rows, q, strict=True)]
    return Differences(names, (sizes[0], sizes[1]), rows, smallest_p(sizes[0], sizes[1]))


def _difference(name: str, a: np.ndarray, b: np.ndarray, members: Bool[np.ndarray, "division run"]) -> Difference:
    found = welch.difference(welch.Group.of(a), welch.Group.of(b))
    above = (b[:, None] > a[None, :]).mean() + 0.5 * (b[:, None] == a[None, :]).mean()
    means = (float(a.mean()), float(b.mean()))
    effect = welch.hedges(found, len(a) + len(b))
    p = of_difference(a, b, members)
    return Difference(name, means, found.value, found.low, found.high, effect, float(above), p)
