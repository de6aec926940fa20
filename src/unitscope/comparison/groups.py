"""Two kinds of trained network, several runs of each: what differs between the kinds and not just between runs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from unitscope.comparison.aligned import aligned, check_same_corpus, shared_sequences
from unitscope.comparison.compare import SUMMARIES, Summaries
from unitscope.comparison.importance import Shared, shared, with_block
from unitscope.comparison.joint import Joint
from unitscope.comparison.matching import match
from unitscope.comparison.runs import Differences, compare_runs
from unitscope.comparison.similarity import debiased_cka, svcca
from unitscope.errors import InputError
from unitscope.evidence.permutation import divisions, of_divisions, smallest_p, too_few
from unitscope.fold.analysis import Analysis
from unitscope.fold.resultset import ResultSet
from unitscope.models.site import choose
from unitscope.progress import Progress, silent
from unitscope.source.source import Source
from unitscope.views import Shown, View


@dataclass(frozen=True, eq=False)
class Kinship:
    """Whether runs of one kind are more alike than runs of two kinds, by one measure."""

    site: str
    measure: str
    values: Float[np.ndarray, "run run"]
    within: tuple[float, float]
    """Mean over the pairs of runs of each group; NaN for a group of one."""
    between: float
    p: float
    """Share of the divisions of the runs with within − between at least as far from 0."""


@dataclass(frozen=True, eq=False, repr=False)
class GroupComparison(Shown):
    """Result of ``compare_groups``. Holds neither sources nor activations."""

    names: tuple[str, str]
    runs: list[str]
    """Group and number, in the order of the matrices."""
    read: list[str]
    """What each run is, as its source calls it."""
    sequences: int
    tokens: int
    differences: Differences
    """Of means and spreads over the units of every summary."""
    per_run: pd.DataFrame
    """The numbers that were tested: one row per measure, one column per run."""
    kinship: list[Kinship]
    shared: list[Shared]
    """Cross-model importance of every unit, among the runs of its own group (Bau et al. 2019)."""
    results: list[ResultSet]
    """The summaries of each run."""

    def __repr__(self) -> str:
        return f"<GroupComparison: {len(self.differences.rows)} measures; to_pandas() has a row for each>"

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        return repr(self)[1:-1], [self.differences.view()]

    @property
    def warning(self) -> str:
        """Empty if there are enough runs for p < 0.05."""
        return self.differences.warning

    def to_pandas(self) -> pd.DataFrame:
        """One row per measure: both groups, the difference, its interval, effect size, exact p and q."""
        return self.differences.to_pandas()

    def units(self) -> pd.DataFrame:
        """One row per unit of every run: MaxCorr, MinCorr, LinReg and SVCCA within its group."""
        frames = [part.to_pandas() for part in self.shared]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def kin(self) -> pd.DataFrame:
        """One row per site and measure of similarity."""
        first, second = self.names
        return pd.DataFrame(
            {
                "site": k.site, "measure": k.measure, f"within {first}": k.within[0], f"within {second}": k.within[1],
                "between": k.between, "p": k.p,
            }
            for k in self.kinship
        )  # fmt: skip


def compare_groups(
    groups: Mapping[str, Sequence[Source]],
    sites: Iterable[str] = ("*",),
    analyses: Sequence[Analysis[Any]] = SUMMARIES,
    sequences: Sequence[int] | None = None,
    progress: Progress = silent,
) -> GroupComparison:
    """Compare two groups of runs over one corpus, ``{name: runs}``. Every site is one pass over all runs.

    Units are never compared by their number. What is tested are means and spreads over the units of each run, and
    similarities that do not depend on the order of units. Raises ``InputError`` for anything but two groups, for
    different corpora, and for sites that not every run has.
    """
    if len(groups) != 2 or not all(groups.values()):
        raise InputError(f"two groups of runs are compared, each of at least one; there are {len(groups)}")
    names = list(groups)
    sources = [source for name in names for source in groups[name]]
    sizes = (len(groups[names[0]]), len(groups[names[1]]))
    runs = [f"{name} {number + 1}" for name in names for number in range(len(groups[name]))]
    check_same_corpus(sources)
    common = shared_sequences(sources) if sequences is None else list(sequences)
    everywhere = [
        site.name
        for site in choose(sources[0].sites, sites)
        if all(site.name in {s.name for s in other.sites} for other in sources) and site.kind != "prediction"
    ]
    if not everywhere:
        raise InputError(f"no chosen site of {sources[0].name} is in all runs")
    results = [ResultSet(source.fingerprint) for source in sources]
    kinship: list[Kinship] = []
    common_units: list[Shared] = []
    tokens = 0
    for number, site in enumerate(everywhere):
        show = _part(progress, number, len(everywhere))
        halves, folded = _read(sources, site, analyses, common, show)
        for result, fold, source in zip(results, folded, sources, strict=True):
            result.entries |= fold.results(source).entries
        kinship += _kinship(site, halves, sizes)
        common_units += _shared(halves, sizes, runs, site)
        tokens = halves[0].count + halves[1].count
    per_run = pd.DataFrame({run: measures(result) for run, result in zip(runs, results, strict=True)})
    first, second = per_run.iloc[:, : sizes[0]], per_run.iloc[:, sizes[0] :]
    found = compare_runs(
        {name: row.tolist() for name, row in zip(first.index, first.to_numpy(), strict=True)},
        {name: row.tolist() for name, row in zip(second.index, second.to_numpy(), strict=True)},
        (names[0], names[1]),
    )
    return GroupComparison(
        names=(names[0], names[1]),
        runs=runs,
        read=[source.name for source in sources],
        sequences=len(common),
        tokens=tokens,
        differences=found,
        per_run=per_run,
        kinship=kinship,
        shared=common_units,
        results=results,
    )


def measures(results: ResultSet) -> dict[str, float]:
    """Mean and spread over units of every numeric column: the same whatever the order of the units.

    Units without a value are left out; NaN where no unit has one.
    """
    found: dict[str, float] = {}
    for result in results:
        for column in result.columns():
            if column.kind in ("unit", "text"):
                continue
            values = np.asarray(column.values, dtype=np.float64)
            values = values[np.isfinite(values)]
            name = f"{result.site}: {column.name}"
            found[f"{name}, mean"] = float(values.mean()) if len(values) else math.nan
            found[f"{name}, spread"] = float(values.std()) if len(values) else math.nan
    return found


def kinship_of(site: str, measure: str, values: Float[np.ndarray, "run run"], sizes: tuple[int, int]) -> Kinship:
    """Test a matrix of similarities between runs; its diagonal does not count."""
    members = divisions(*sizes)
    statistic = np.array([_within_minus_between(values, member) for member in members])
    truth = members[0]
    within = (_mean(values[np.ix_(truth, truth)]), _mean(values[np.ix_(~truth, ~truth)]))
    p = of_divisions(statistic) if np.isfinite(statistic).all() else math.nan
    return Kinship(site, measure, values, within, float(values[np.ix_(truth, ~truth)].mean()), p)


def kinship_note(sizes: tuple[int, int]) -> str:
    """Sentence on the power of a test of kinship with few runs."""
    return f"p cannot be below {smallest_p(*sizes):.2g}. {too_few(*sizes)}".strip()


def _read(
    sources: Sequence[Source],
    site: str,
    analyses: Sequence[Analysis[Any]],
    common: Sequence[int],
    progress: Progress,
) -> tuple[tuple[Joint, Joint], list[Summaries]]:
    own = [choose(source.sites, [site])[0] for source in sources]
    widths = [one.units for one in own]
    halves = (Joint.empty(widths), Joint.empty(widths))
    folded = [Summaries([one], analyses) for one in own]
    for block in aligned(sources, [[site]] * len(sources), common, progress):
        for fold, chunks in zip(folded, block, strict=True):
            fold.update(chunks)
        halves = with_block(halves, [chunks[site] for chunks in block], common)
    return halves, folded


def _kinship(site: str, halves: tuple[Joint, Joint], sizes: tuple[int, int]) -> list[Kinship]:
    whole = halves[0].merge(halves[1])
    runs = sum(sizes)
    found = {name: np.eye(runs) for name in ("debiased CKA", "SVCCA", "matched |r|, held out")}
    for i in range(runs):
        for j in range(i):
            r = np.nanmean(match(halves, i, j).confirmed)
            numbers = (debiased_cka(whole, i, j), svcca(whole, i, j), float(r))
            for matrix, value in zip(found.values(), numbers, strict=True):
                matrix[i, j] = matrix[j, i] = value
    return [kinship_of(site, name, matrix, sizes) for name, matrix in found.items()]


def _shared(halves: tuple[Joint, Joint], sizes: tuple[int, int], runs: Sequence[str], site: str) -> list[Shared]:
    """Each run against the others of its group."""
    groups = (list(range(sizes[0])), list(range(sizes[0], sum(sizes))))
    return [
        shared(halves, k, runs[k], site, [other for other in group if other != k])
        for group in groups
        if len(group) > 1
        for k in group
    ]


def _within_minus_between(values: Float[np.ndarray, "run run"], member: Bool[np.ndarray, " run"]) -> float:
    pairs = np.concatenate([_above(values[np.ix_(part, part)]) for part in (member, ~member)])
    return float(pairs.mean() - values[np.ix_(member, ~member)].mean()) if len(pairs) else math.nan


def _above(values: np.ndarray) -> np.ndarray:
    """Values above the diagonal."""
    found: np.ndarray = values[np.triu_indices(len(values), 1)]
    return found


def _mean(values: np.ndarray) -> float:
    return float(_above(values).mean()) if len(values) > 1 else math.nan


def _part(progress: Progress, number: int, parts: int) -> Progress:
    """The progress of one of several equal parts."""
    return lambda what, done, total: progress(what, number * total + done, parts * total)
