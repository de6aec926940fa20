"""One pass over a source for all pairs of units and hypotheses, with early stopping at a stated error.

Whole pieces of evidence (documents, or stretches of long ones) are read in a random order, in batches. Every measure
is also taken of each batch alone, and the spread of these values over the batches gives its error: with b batches read
of B, the 95 % half-width against the value on all of the data is t(b − 1)·sd/√b·√(1 − b/B), and against the value on
more data of the same kind it is t(b − 1)·sd/√b. Neighbouring tokens, which are alike, are never taken as independent.
A site is not extracted any more when of every measure 95 % of its pairs are within the tolerance, each with 95 %
confidence; the error of each pair is told. Measures that fix a share of the tokens have their thresholds read before
(``scales``).
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor

from unitscope.concepts.blocks import Table, blocks
from unitscope.concepts.measures import Measure, fixed_levels, levels_of
from unitscope.concepts.pairs import Pairs, Scale
from unitscope.concepts.scales import LEAST, SHARE, cuts_of, thresholds_of
from unitscope.errors import InputError
from unitscope.models.site import Site
from unitscope.source.pieces import pieces_of
from unitscope.source.source import Source

BATCHES = 40
RARE = "too rare for an interval"
SAMPLE = 8192
"""Tokens from which means, and quantiles that only make bins, are taken before counting begins."""

Progress = Callable[[int, int], None]
"""Called with sequences done and sequences in all."""


@dataclass
class Spread:
    """Mean and squared deviations of a measure over the batches where it is defined (Welford 1962)."""

    n: Int[np.ndarray, "unit hypothesis"]
    mean: Float[np.ndarray, "unit hypothesis"]
    squares: Float[np.ndarray, "unit hypothesis"]

    @classmethod
    def empty(cls, units: int, hypotheses: int) -> "Spread":
        shape = (units, hypotheses)
        return cls(np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape))

    def add(self, values: Float[np.ndarray, "unit hypothesis"]) -> None:
        """Add a batch; NaN is no value."""
        known = np.isfinite(values)
        self.n += known
        step = np.where(known, values - self.mean, 0.0)
        self.mean += step / np.maximum(self.n, 1)
        self.squares += step * np.where(known, values - self.mean, 0.0)

    def error(self) -> Float[np.ndarray, "unit hypothesis"]:
        """Standard error of the value over all batches; NaN where fewer than ``LEAST`` have one."""
        enough = np.where(self.n >= LEAST, self.n, 2)
        error: np.ndarray = np.where(self.n >= LEAST, np.sqrt(self.squares / (enough - 1) / enough), np.nan)
        return error

    def half_width(self) -> Float[np.ndarray, "unit hypothesis"]:
        """95 %, against the value on more data of the same kind."""
        width: np.ndarray = stats.t.ppf(0.975, np.maximum(self.n - 1, 1)) * self.error()
        return width


@dataclass
class Folded:
    """What was found of one site."""

    site: Site
    units: Int[np.ndarray, " unit"]
    """Their numbers in the site."""
    pairs: Pairs
    spreads: dict[str, Spread]
    batches: int = 0
    read: float = 0.0
    """Share of the sequences."""
    done: bool = False

    def half_width(self, measure: str, whole: bool) -> Float[np.ndarray, "unit hypothesis"]:
        """95 %; against the value on the whole data, or else on more of the same kind."""
        width = self.spreads[measure].half_width()
        return width * np.sqrt(1 - self.read) if whole else width


@dataclass
class _Begin:
    """The first tokens, kept until there are enough; and what was read before."""

    thresholds: Float[Tensor, "level unit"] | None
    cut: Float[Tensor, " hypothesis"] | None
    x: list[Tensor] = field(default_factory=list)
    y: list[Tensor] = field(default_factory=list)


def fold(
    source: Source,
    questions: Table,
    units: Mapping[str, Int[np.ndarray, " unit"]],
    measures: Sequence[Measure],
    tolerance: float | None = None,
    progress: Progress | None = None,
    batches: Sequence[Sequence[int]] | None = None,
) -> dict[str, Folded]:
    """Read a source once; each (site, batch) is extracted once and serves all hypotheses and measures.
    Where there are thresholds, a read of its own comes first for them; with a tolerance, only where a measure fixes a
    share of the tokens.

    ``units`` are the numbers of those that are wanted, by site. ``batches`` are what is read, all of the source if not
    given (``batches_of``). With ``tolerance`` a site is read until ``SHARE`` of its pairs are within it. Raises
    ``InputError`` for a source without tokens, and for a tolerance that is not positive.
    """
    if tolerance is not None and not tolerance > 0:
        raise InputError(f"the tolerance is an error larger than 0, not {tolerance}")
    sites = {site.name: site for site in source.sites if site.name in units}
    batches = batches_of(source) if batches is None else batches
    total = sum(map(len, batches))
    levels = levels_of(measures)
    # Where all is read, thresholds are of all data: the first tokens may have nothing of a rare unit.
    fixed = levels if tolerance is None else fixed_levels(measures)
    reads = 2 if fixed else 1

    def show(read: int, done: int) -> None:
        if progress:
            progress(read * total + done, reads * total)

    cut = cuts_of(questions, batches) if any(measure.flags for measure in measures) else None
    thresholds: dict[str, Tensor] = {}
    if fixed:
        thresholds = thresholds_of(
            source, questions, units, levels, fixed, batches, tolerance, lambda done: show(0, done)
        )
    begins = {name: _Begin(thresholds.get(name), cut) for name in sites}
    found: dict[str, Folded] = {}
    done = 0
    for numbers in batches:
        live = {name: units[name] for name in sites if name not in found or not found[name].done}
        if not live:
            break
        parts = _batch(source, questions, numbers, live, levels, found, begins)
        done += len(numbers)
        for name, part in parts.items():
            if name not in found:
                shape = (len(units[name]), len(questions.hypotheses))
                spreads = {measure.name: Spread.empty(*shape) for measure in measures}
                found[name] = Folded(sites[name], np.asarray(units[name]), part.fresh(), spreads)
            folded = found[name]
            folded.pairs.add(part)
            for measure in measures:
                folded.spreads[measure.name].add(measure(part))
            folded.batches += 1
            folded.read = done / total
            folded.done = tolerance is not None and folded.batches >= LEAST and _within(folded, measures, tolerance)
        show(reads - 1, done)
    if not found:
        raise InputError(f"{source.name} has no token to measure; give more text")
    show(reads - 1, total)
    return found


def evidence(source: Source) -> dict[int, int]:
    """The number of the piece of evidence of each sequence, in an order that has nothing to do with documents."""
    found = pieces_of(source)
    order = list(range(len(found)))
    random.Random(0).shuffle(order)
    return {int(n): order[int(piece)] for n, piece in zip(source.sequences, found.piece, strict=True)}


def batches_of(source: Source, count: int = BATCHES) -> list[list[int]]:
    """The sequences in ``count`` batches of whole pieces of evidence, fewer where there are fewer pieces."""
    groups = evidence(source)
    pieces: dict[int, list[int]] = {}
    for number, group in groups.items():
        pieces.setdefault(group, []).append(number)
    wanted = len(groups) / count
    batches: list[list[int]] = []
    taken = 0
    for group in sorted(pieces):  # their numbers are in random order
        if not batches or taken >= len(batches) * wanted:
            batches.append([])
        batches[-1] += pieces[group]
        taken += len(pieces[group])
    return batches


def _batch(
    source: Source,
    questions: Table,
    numbers: Sequence[int],
    units: Mapping[str, Int[np.ndarray, " unit"]],
    levels: Sequence[float],
    found: Mapping[str, Folded],
    begins: Mapping[str, _Begin],
) -> dict[str, Pairs]:
    """The sums of one batch for each site; scales are made from the first tokens of the first batch."""
    parts = {name: found[name].pairs.fresh() for name in units if name in found}
    for name, x, y in blocks(source, questions, numbers, units):
        if name in parts:
            parts[name].update(x, y)
            continue
        begin = begins[name]
        begin.x.append(x)
        begin.y.append(y)
        if sum(map(len, begin.x)) >= SAMPLE:
            parts[name] = _begun(begin, questions, levels)
    return parts | {name: _begun(begins[name], questions, levels) for name in units if begins[name].x}


def _begun(begin: _Begin, questions: Table, levels: Sequence[float]) -> Pairs:
    x, y = torch.cat(begin.x), torch.cat(begin.y)
    begin.x, begin.y = [], []
    known = begin.thresholds
    scale = Scale.of(x, y, questions.hypotheses, levels if known is None else ())
    if known is not None:
        scale = replace(scale, levels=tuple(levels), thresholds=known)
    if begin.cut is not None:
        scale = replace(scale, cut=begin.cut)
    pairs = Pairs(x.shape[1], questions.hypotheses, scale)
    pairs.update(x, y)
    return pairs


def _within(folded: Folded, measures: Sequence[Measure], tolerance: float) -> bool:
    """Enough pairs of every measure are within the tolerance, units that never moved left out."""
    moves = (folded.pairs.low < folded.pairs.high).numpy()
    within = [(folded.half_width(m.name, whole=True)[moves] <= tolerance) for m in measures]
    return all(not part.size or part.mean() >= SHARE for part in within)
