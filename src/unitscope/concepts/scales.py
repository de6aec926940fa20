"""Thresholds of units and cuts of labels that are a stated share of the data, found by a read of their own.

"The highest 0.5 % of a unit" is a statement about all of the data, so the measures that fix such a share have their
thresholds read before anything is counted: by a sketch, from all of the data or, where an error is allowed, from as
many batches as keep its part in that error small. Measures over many quantiles need no such read: there thresholds
are only the edges of bins.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import stats
from torch import Tensor

from unitscope.analyses._sketch import Sketch
from unitscope.concepts.blocks import Table, blocks
from unitscope.concepts.measures import UNITS
from unitscope.concepts.pairs import Pairs, Scale, Slice
from unitscope.source.source import Source

SIZE = 4096
"""Of the sketches: tokens of which all are kept, before the rank of a threshold is off by some .02 %."""
SHARE = 0.95
"""Of the pairs: the last few, of rare labels, would have nearly everything read."""
LEAST = 8
"""Batches before anything is said of an error."""
PART = 0.25
"""Of the tolerance that may come from thresholds; errors add up in squares, so it is 3 % of the whole error."""


def thresholds_of(
    source: Source,
    questions: Table,
    units: Mapping[str, Int[np.ndarray, " unit"]],
    levels: Sequence[float],
    fixed: Sequence[float],
    batches: Sequence[Sequence[int]],
    tolerance: float | None,
    progress: Callable[[int], None],
) -> dict[str, Float[Tensor, "level unit"]]:
    """The quantiles of the chosen units of each site; those that are ``fixed`` decide when enough is read.

    ``progress`` is called with the sequences done.
    """
    sketches = {name: Sketch(len(numbers), SIZE) for name, numbers in units.items()}
    pilots: dict[str, Pilot] = {}
    live = dict(units)
    asked = None if tolerance is None else questions
    done = 0
    for count, numbers in enumerate(batches, 1):
        for name, x, y in blocks(source, asked, numbers, live):
            if asked and count > 1 and sketches[name].count:
                if name not in pilots:
                    # The first batch gives thresholds that are near enough to see by how much batches differ.
                    near = torch.from_numpy(sketches[name].quantiles(fixed))
                    scale = replace(Scale.of(x, y, asked.hypotheses, ()), levels=tuple(fixed), thresholds=near)
                    pilots[name] = Pilot(Pairs(x.shape[1], asked.hypotheses, scale))
                pilots[name].update(x, y)
            sketches[name].add(x)
        done += len(numbers)
        progress(done)
        if tolerance is not None:
            left, allowed = 1 - count / len(batches), PART * tolerance
            ended = [
                name for name in live if name in pilots and pilots[name].ends(left, sketches[name].rank_error, allowed)
            ]
            live = {name: wanted for name, wanted in live.items() if name not in ended}
            if not live:
                break
    return {name: torch.from_numpy(sketch.quantiles(levels)) for name, sketch in sketches.items()}


class Pilot:
    """How much the share of tokens beyond a threshold differs from batch to batch, and what that does to overlaps."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self._part = pairs.fresh()
        self._shares: list[Float[np.ndarray, "level unit"]] = []

    def update(self, x: Float[Tensor, "token unit"], y: Float[Tensor, "token hypothesis"]) -> None:
        """Add tokens of a batch."""
        self._part.update(x, y)

    def ends(self, left: float, rank_error: float, allowed: float) -> bool:
        """End a batch; whether what thresholds may be off changes the overlap of enough pairs by no more than allowed.

        ``left`` is the share of batches that are not read.
        """
        part, self._part = self._part, self._part.fresh()
        if part.n[0]:
            self._shares.append((part.above[:, 0] / part.n[0]).numpy())
            self.pairs.add(part)
        count = len(self._shares)
        if count < LEAST:
            return False
        sampled = stats.t.ppf(0.975, count - 1) * np.std(self._shares, axis=0, ddof=1) * math.sqrt(left / count)
        off = torch.from_numpy(np.hypot(sampled, rank_error))  # [level unit]
        within = total = 0
        for first in range(0, self.pairs.units, UNITS):
            after = min(first + UNITS, self.pairs.units)
            small = _changes(self.pairs.of_units(first, after), off[:, first:after]) <= allowed
            within, total = within + int(small.sum()), total + small.numel()
        return within >= SHARE * total


def _changes(sums: Slice, off: Float[Tensor, "level unit"]) -> Float[Tensor, "level unit hypothesis"]:
    """What a threshold with a share ``off`` too many tokens beyond it changes in an overlap.

    Of I tokens in the overlap and U in either, IoU = I / U changes by off · n (π − IoU (1 − π)) / U, where π is the
    share of flags among the tokens that came too many: at most that among all tokens beyond, for a unit that follows.
    """
    upper = torch.tensor(sums.levels)[:, None, None] > 0.5
    beyond = torch.where(upper, sums.above, sums.n - sums.above)
    inside = torch.where(upper, sums.above_flagged, sums.flagged - sums.above_flagged)
    either = beyond + sums.flagged - inside
    flagged = torch.maximum(inside / beyond, inside / either)
    return (off[:, :, None] * sums.n * flagged / either).nan_to_num()


def cuts_of(questions: Table, batches: Sequence[Sequence[int]]) -> Float[Tensor, " hypothesis"]:
    """Above which a label counts as flagged: the median of a number, one half for a flag. Needs no activations."""
    is_flag = torch.from_numpy(questions.hypotheses.is_flag)
    cuts = torch.full(is_flag.shape, 0.5)
    if bool(is_flag.all()):
        return cuts
    sketch = Sketch(int((~is_flag).sum()), SIZE)
    for number in (number for batch in batches for number in batch):
        sketch.add(questions.labels([number])[:, ~is_flag])
    cuts[~is_flag] = torch.from_numpy(sketch.quantiles([0.5])[0])
    return cuts
