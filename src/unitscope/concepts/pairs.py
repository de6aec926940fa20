"""Running sums over tokens for every pair of a unit and a hypothesis: all that the measures are read from.

Memory is a few numbers per pair, whatever the length of the text. What depends only on a unit and on where a label is
defined is kept once per *family* of labels that are defined at the same tokens, so that one matrix product per block
serves the correlations and one per threshold the rest. Products with rare flags skip the zeros.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import sparse
from torch import Tensor

from unitscope.analyses._pairs import Counts
from unitscope.errors import InputError

ROWS = 2048
"""Tokens that are counted together."""
DENSE = 0.01
"""A larger share of flags makes the ordinary product the faster one."""


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """The columns of a table of labels: their names, and what holds for all tokens."""

    names: tuple[str, ...]
    is_flag: np.ndarray
    """True where values are 0 and 1 only; another label becomes a flag by being above its ``cut``."""
    family: np.ndarray
    """Labels of one number are defined at the same tokens."""

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_flags(cls, names: Sequence[str]) -> "Hypotheses":
        """Flags that are defined everywhere."""
        return cls(tuple(names), np.ones(len(names), bool), np.zeros(len(names), np.int64))


@dataclass(frozen=True, eq=False)
class Scale:
    """What is fixed before counting, from a first sample of tokens."""

    levels: tuple[float, ...]
    thresholds: Float[Tensor, "level unit"]
    """Quantiles of each unit, in rising order."""
    x_shift: Float[Tensor, " unit"]
    """About each unit's mean: sums of what is small lose no digits."""
    y_shift: Float[Tensor, " hypothesis"]
    """About each number's mean; 0 for a flag."""
    cut: Float[Tensor, " hypothesis"]
    """A label above this counts as flagged."""

    @classmethod
    def of(
        cls,
        x: Float[Tensor, "token unit"],
        y: Float[Tensor, "token hypothesis"],
        hypotheses: Hypotheses,
        levels: Sequence[float],
    ) -> "Scale":
        """Quantiles and means of a sample. Raises ``InputError`` for an empty one."""
        if not len(x):
            raise InputError("there is no token to measure; give more text")
        is_flag = torch.from_numpy(hypotheses.is_flag).to(y.device)
        ranks = [min(len(x) - 1, int(level * len(x))) for level in levels]
        ordered = x.sort(0).values if ranks else x
        numbers = torch.where(is_flag, torch.nan, y)
        return cls(
            tuple(levels),
            ordered[ranks].clone(),
            x.mean(0),
            torch.where(is_flag, 0.0, numbers.nanmean(0).nan_to_num()),
            torch.where(is_flag, 0.5, numbers.nanmedian(0).values),
        )


class Pairs:
    """The sums. ``update`` adds tokens, ``add`` adds the sums of other tokens on the same scale."""

    def __init__(self, units: int, hypotheses: Hypotheses, scale: Scale) -> None:
        count, families, levels = len(hypotheses), int(hypotheses.family.max()) + 1, len(scale.levels)
        self.hypotheses = hypotheses
        self.scale = scale
        self.n = torch.zeros(families, dtype=torch.float64)
        self.x = torch.zeros(families, units, dtype=torch.float64)
        self.xx = torch.zeros(families, units, dtype=torch.float64)
        self.y = torch.zeros(count, dtype=torch.float64)
        self.yy = torch.zeros(count, dtype=torch.float64)
        self.xy = torch.zeros(count, units, dtype=torch.float64)
        self.flagged = torch.zeros(count, dtype=torch.float64)
        self.x_flagged = torch.zeros(int((~hypotheses.is_flag).sum()), units, dtype=torch.float64)
        """Σx over flagged tokens, of the hypotheses that are numbers; for a flag that is ``xy``."""
        self.above = torch.zeros(levels, families, units, dtype=torch.float64)
        self.above_flagged = torch.zeros(levels, count, units, dtype=torch.int32)
        self.low = torch.full((units,), torch.inf)
        self.high = torch.full((units,), -torch.inf)
        self._firsts = torch.from_numpy(np.unique(hypotheses.family, return_index=True)[1])
        self._numbers = torch.from_numpy(np.flatnonzero(~hypotheses.is_flag))

    @property
    def units(self) -> int:
        return self.x.shape[1]

    def update(self, x: Float[Tensor, "token unit"], y: Float[Tensor, "token hypothesis"]) -> None:
        """Add tokens; a label that is NaN is undefined there."""
        for first in range(0, len(x), ROWS):
            self._update(x[first : first + ROWS], y[first : first + ROWS])

    def _update(self, x: Float[Tensor, "token unit"], y: Float[Tensor, "token hypothesis"]) -> None:
        scale, device = self.scale, x.device
        self.low = torch.minimum(self.low, x.amin(0).cpu())
        self.high = torch.maximum(self.high, x.amax(0).cpu())
        centred = x - scale.x_shift.to(device)
        defined = ~y[:, self._firsts.to(device)].isnan()  # [token family]
        everywhere = bool(defined.all())
        flag = y > scale.cut.to(device)  # what is undefined is above nothing
        plain = everywhere and not len(self._numbers)
        values = y if plain else (y - scale.y_shift.to(device)).nan_to_num()
        weight = defined.float().T
        self.n += weight.sum(1).double().cpu()
        self.x += (weight @ centred).double().cpu()
        self.xx += (weight @ centred.square()).double().cpu()
        self.y += values.sum(0).double().cpu()
        self.yy += values.square().sum(0).double().cpu()
        self.flagged += flag.sum(0).double().cpu()
        self.xy += _product(values.T, centred, DENSE).double().cpu()
        if len(self._numbers):
            self.x_flagged += _product(flag[:, self._numbers].float().T, centred, DENSE).double().cpu()
        self._count(x, flag, defined, everywhere)

    def _count(
        self,
        x: Float[Tensor, "token unit"],
        flag: Bool[Tensor, "token hypothesis"],
        defined: Bool[Tensor, "token family"],
        everywhere: bool,
    ) -> None:
        """Tokens above each threshold."""
        if not self.scale.levels:
            return
        kind = torch.int8 if x.device.type == "cpu" else torch.float32
        rows = torch.cat([flag, defined[:, :1] if everywhere else defined], 1).T.to(kind).contiguous()
        thresholds = self.scale.thresholds.to(x.device)
        above = torch.empty(x.shape, dtype=kind, device=x.device)
        flags = flag.shape[1]
        for level, threshold in enumerate(thresholds):
            torch.gt(x, threshold, out=above)
            met = _meet(rows, above).cpu()
            self.above_flagged[level] += met[:flags].int()
            self.above[level] += met[flags:]  # one row serves all families that are defined everywhere

    def add(self, other: "Pairs") -> None:
        """Count the tokens of ``other`` too."""
        for name in ("n", "x", "xx", "y", "yy", "xy", "flagged", "x_flagged", "above", "above_flagged"):
            getattr(self, name).add_(getattr(other, name))
        self.low, self.high = torch.minimum(self.low, other.low), torch.maximum(self.high, other.high)

    def fresh(self) -> "Pairs":
        """Empty sums on the same scale."""
        return Pairs(self.units, self.hypotheses, self.scale)

    def merge(self, other: "Pairs") -> "Pairs":
        """New sums, as if the tokens of ``other`` had followed."""
        both = copy.deepcopy(self)
        both.add(other)
        return both

    def of_units(self, first: int, after: int) -> "Slice":
        """The sums of some units, as the measures read them."""
        family = torch.from_numpy(self.hypotheses.family)
        here = slice(first, after)
        x_flagged = self.xy[:, here].clone()
        x_flagged[self._numbers] = self.x_flagged[:, here]

        def turned(table: Tensor) -> Tensor:
            return table.double().movedim(-1, -2)  # [… unit hypothesis]

        return Slice(
            n=self.n[family],
            x=turned(self.x[family, here]),
            xx=turned(self.xx[family, here]),
            y=self.y,
            yy=self.yy,
            xy=turned(self.xy[:, here]),
            flagged=self.flagged,
            x_flagged=turned(x_flagged),
            levels=self.scale.levels,
            above=turned(self.above[:, family, here]),
            above_flagged=turned(self.above_flagged[..., here]),
            low=self.low[here, None].double(),
            high=self.high[here, None].double(),
        )


@dataclass(frozen=True, eq=False)
class Slice:
    """The sums of some units. x is the unit less its shift, y the label less its own."""

    n: Float[Tensor, " hypothesis"]
    x: Float[Tensor, "unit hypothesis"]
    xx: Float[Tensor, "unit hypothesis"]
    y: Float[Tensor, " hypothesis"]
    yy: Float[Tensor, " hypothesis"]
    xy: Float[Tensor, "unit hypothesis"]
    flagged: Float[Tensor, " hypothesis"]
    x_flagged: Float[Tensor, "unit hypothesis"]
    levels: tuple[float, ...]
    above: Float[Tensor, "level unit hypothesis"]
    above_flagged: Float[Tensor, "level unit hypothesis"]
    low: Float[Tensor, "unit 1"]
    high: Float[Tensor, "unit 1"]

    @property
    def counts(self) -> Counts:
        return Counts(self.n, self.flagged, self.above, self.above_flagged)

    @property
    def constant(self) -> Tensor:
        """``[unit 1]``: True for a unit with one value, or none."""
        return self.low >= self.high


def _product(
    rows: Float[Tensor, "row token"], x: Float[Tensor, "token unit"], dense: float
) -> Float[Tensor, "row unit"]:
    """The matrix product, by the non-zeros only where these are few."""
    if x.device.type != "cpu" or int(torch.count_nonzero(rows)) > dense * rows.numel():
        return rows @ x
    return torch.from_numpy(np.asarray(sparse.csr_array(rows.contiguous().numpy()) @ x.contiguous().numpy()))


def _meet(rows: Tensor, units: Tensor) -> Int[Tensor, "row unit"] | Float[Tensor, "row unit"]:
    """How often each row ``[row token]`` and each unit ``[token unit]``, of zeros and ones, are one together.

    On a processor as eight-bit integers, which are as exact as floats and several times as fast.
    """
    return torch._int_mm(rows, units) if rows.dtype == torch.int8 else rows @ units
