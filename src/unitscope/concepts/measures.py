"""Measures of a unit against a hypothesis, each a function of the running sums (``Pairs``).

All are NaN where they are undefined: a constant unit, a label that never holds or always does. None is ever infinite.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.analyses._pairs import area, information, overlap, pearson
from unitscope.analyses.quantiles import LEVELS
from unitscope.concepts.pairs import Pairs, Slice
from unitscope.errors import InputError

UNITS = 256
"""Units that are looked at together, so that memory does not grow with the layer."""
TAIL = 0.005
"""Share of the tokens on which a unit counts as a detector (Network Dissection)."""
DETECTOR = 0.04
"""Network Dissection's least IoU of a detector."""


@dataclass(frozen=True)
class Measure:
    """One number per pair of unit and hypothesis."""

    name: str
    help: str
    read: Callable[[Slice], Float[Tensor, "unit hypothesis"]]
    levels: tuple[float, ...] = ()
    """Quantiles of the unit at which tokens must be counted: many make bins, a single one is a stated share."""
    chance: float | None = None
    """The value of a unit that knows nothing, where it does not depend on how often the label holds."""
    flags: bool = True
    """Whether a number counts as a flag, by being above its median."""

    def __call__(self, pairs: Pairs) -> Float[np.ndarray, "unit hypothesis"]:
        """The measure of every pair."""
        found = np.empty((pairs.units, len(pairs.hypotheses)))
        for first in range(0, pairs.units, UNITS):
            part = pairs.of_units(first, min(first + UNITS, pairs.units))
            values = torch.where(part.constant, torch.nan, self.read(part))
            found[first : first + UNITS] = torch.where(values.isfinite(), values, torch.nan).numpy()
        return found


def _correlation(s: Slice) -> Tensor:
    return pearson(s.n, s.x, s.y, s.xx, s.yy, s.xy)


def _difference(s: Slice) -> Tensor:
    return s.x_flagged / s.flagged - (s.x - s.x_flagged) / (s.n - s.flagged)


def _standardised(s: Slice) -> Tensor:
    variance = (s.xx / s.n - (s.x / s.n).square()).clamp(min=0)
    return _difference(s) / variance.sqrt()


def _labelled(s: Slice) -> Tensor:
    return _difference(s).abs() / (s.high - s.low + 1e-7)


def _at(s: Slice, level: float) -> int:
    return s.levels.index(level)


def _tail(s: Slice) -> Tensor:
    return overlap(s.counts)[0][_at(s, 1 - TAIL)]


def _low_tail(s: Slice) -> Tensor:
    return overlap(s.counts)[1][_at(s, TAIL)]


def _best(s: Slice) -> Tensor:
    return torch.cat(overlap(s.counts)).nan_to_num(-1.0).amax(0).where(s.flagged > 0, torch.nan)


def _precision(s: Slice) -> Tensor:
    """Σ over bins, from the highest down, of the recall gained times the precision at the bin's lower edge."""
    in_bin0, in_bin1 = s.counts.in_bins()
    inside, outside = in_bin1.flip(0).cumsum(0), in_bin0.flip(0).cumsum(0)
    total = inside + outside
    return (in_bin1.flip(0) * torch.where(total > 0, inside / total, 0.0)).sum(0) / s.flagged


def _area(s: Slice) -> Tensor:
    return area(s.counts)[0]


def _bits(s: Slice) -> Tensor:
    return information(s.counts)


_MEASURES = (
    Measure("correlation", "Pearson's r with the label", _correlation, chance=0.0, flags=False),
    Measure("difference", "mean activation where the label holds minus the mean elsewhere", _difference, chance=0.0),
    Measure("standardised", "the same in standard deviations of the unit", _standardised, chance=0.0),
    Measure("labelled", "|difference| over the unit's range (labelled selectivity, after NeuroX)", _labelled),
    Measure("auroc", "chance that the unit is higher where the label holds; ties count half", _area, LEVELS, 0.5),
    Measure("precision", "average precision, over the quantiles of the unit", _precision, LEVELS),
    Measure("iou", "overlap of the label with the unit's highest 0.5 % (Network Dissection)", _tail, (1 - TAIL,)),
    Measure("iou-below", "overlap of the label with the unit's lowest 0.5 %", _low_tail, (TAIL,)),
    Measure("jaccard", "overlap with the unit beyond its best quantile, either side: too high", _best, LEVELS),
    Measure("information", "mutual information with the unit's quantile bin, bits", _bits, LEVELS),
)

MEASURES = {measure.name: measure for measure in _MEASURES}


def find_measure(name: str) -> Measure:
    """The measure of this name. Raises ``InputError`` and lists them."""
    if name not in MEASURES:
        raise InputError(f"no measure is called {name!r}; there are: {', '.join(MEASURES)}")
    return MEASURES[name]


def levels_of(measures: Sequence[Measure]) -> tuple[float, ...]:
    """All quantiles at which some measure counts, in rising order."""
    return tuple(sorted({level for measure in measures for level in measure.levels}))


def fixed_levels(measures: Sequence[Measure]) -> tuple[float, ...]:
    """The quantiles at which a measure fixes a share of the tokens, in rising order."""
    return levels_of([measure for measure in measures if len(measure.levels) == 1])
