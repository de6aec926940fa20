"""Two groups of trained runs, tested with the run as the unit of evidence.

Ten thousand tokens of one network are one network. What is said of a *kind* of network is tested over runs: if kind
did not matter, every way of dividing the runs into two groups of these sizes would be as likely as the one that is
there (Fisher's exact permutation test). With few runs there are few ways, and no data can make p small; this says so.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy import stats

from unitscope.errors import InputError
from unitscope.view import Field, Table

MOST = 20_000
"""Divisions that are tried; beyond that so many are drawn."""
LEVEL = 0.05


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
    if rows:
        q = stats.false_discovery_control([row.p for row in rows])
        rows = [Difference(**{**vars(row), "q": float(value)}) for row, value in zip(rows, q, strict=True)]
    return Differences(names, (sizes[0], sizes[1]), rows, smallest_p(sizes[0], sizes[1]))


def divisions(first: int, second: int, seed: int = 0) -> Bool[np.ndarray, "division run"]:
    """Every way to say which runs are the first group; the true one comes first. Draws where they are too many."""
    runs = first + second
    if math.comb(runs, first) <= MOST:
        chosen = list(itertools.combinations(range(runs), first))
        members = np.zeros((len(chosen), runs), dtype=bool)
        members[np.arange(len(chosen))[:, None], np.array(chosen)] = True
        return members
    generator = np.random.default_rng(seed)
    truth = np.arange(runs) < first
    return np.stack([truth, *(generator.permutation(truth) for _ in range(MOST - 1))])


def smallest_p(first: int, second: int) -> float:
    """The smallest p of a two-sided test: with groups of one size, every division has its mirror image."""
    return min(1.0, (2 if first == second else 1) / min(math.comb(first + second, first), MOST))


def too_few(first: int, second: int) -> str:
    """What to say where no data can give p < 0.05; empty where they can."""
    best = smallest_p(first, second)
    if best < LEVEL:
        return ""
    return (
        f"With {first} and {second} runs no difference, however large, can have p below {best:.2g}: "
        "look at the effect sizes, or train more runs (4 and 4 are enough for p < 0.05)."
    )


def permutation_p(values: Float[np.ndarray, " division"]) -> float:
    """The share of divisions whose statistic is at least as far from zero as the first, which is the true one."""
    size = np.abs(values)
    return float((size >= size[0] * (1 - 1e-9) - 1e-15).mean())


def _difference(name: str, a: np.ndarray, b: np.ndarray, members: Bool[np.ndarray, "division run"]) -> Difference:
    both = np.concatenate([a, b]).astype(np.float64)
    # Numbers near the mean, so that equal runs differ by nothing but their last digits.
    centred = both - both.mean()
    total, size = members @ centred, len(a)
    p = permutation_p((centred.sum() - total) / len(b) - total / size)
    low, high, effect = math.nan, math.nan, math.nan
    if len(a) > 1 and len(b) > 1 and np.ptp(both) > 0:
        spread = math.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(both) - 2))
        if spread > 0:
            low, high = _welch(a, b)
            effect = float((b.mean() - a.mean()) / spread * (1 - 3 / (4 * len(both) - 9)))
    above = (b[:, None] > a[None, :]).mean() + 0.5 * (b[:, None] == a[None, :]).mean()
    means = (float(a.mean()), float(b.mean()))
    return Difference(name, means, means[1] - means[0], low, high, effect, float(above), p)


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the difference of means; scipy's own warns where all runs are nearly equal."""
    own = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    freedom = own.sum() ** 2 / (own**2 / [len(a) - 1, len(b) - 1]).sum()
    width = float(stats.t.ppf(0.975, freedom)) * math.sqrt(own.sum())
    difference = float(b.mean() - a.mean())
    return difference - width, difference + width
