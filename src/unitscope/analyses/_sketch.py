"""Quantiles of many columns from one read, in memory that hardly grows with the number of rows.

The sketch of Karnin, Lang & Liberty (2016): rows are kept in levels; a row of level h stands for 2**h of them. When
there are too many, the lowest level that is full is sorted and every other row goes one level up, the others are
forgotten. Which half goes is drawn without regard to the data, so no rank is off on the whole, only spread.

All columns see the same number of rows, so they go in lockstep: a level is one array, and its sort one vectorised call.
The draw follows from the level and how often it was halved: the same rows in the same order give the same sketch,
however they were cut into chunks. Another order, or parts that are merged, give another within the stated error.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.errors import InputError

STEP = 512
"""Rows that are taken up together, and the size of the lowest levels: shorter sorts do not pay."""
SHRINK = 2 / 3
"""Each level below the highest is this much smaller: it adds less to the error."""
FINE = 2
"""Levels at the top that are halved as a whole, since what they lose weighs most."""
COLUMNS = 64
"""Columns whose quantiles are read together."""


@dataclass
class Sketch:
    """``size`` rows at most in the highest level, about three times as many in all; exact until they are ``size``.

    NaN count as the largest values, and are left out when quantiles are read.
    """

    columns: int
    size: int
    count: int = 0
    """Rows seen."""
    levels: list[list[Float[Tensor, "column row"]]] = field(default_factory=lambda: [[]])
    """A row of level h stands for 2**h rows."""
    halved: list[int] = field(default_factory=lambda: [0])
    """How often each level was."""

    def __post_init__(self) -> None:
        if self.size < 2:
            raise InputError(f"a sketch of quantiles keeps at least 2 rows, not {self.size}")

    def add(self, rows: Float[Tensor, "row column"]) -> None:
        """Take up some more rows."""
        first = 0
        while first < len(rows):
            taken = rows[first : first + STEP - self.count % STEP]  # so that chunks leave no trace
            self.levels[0].append(taken.float().T.contiguous())
            first += len(taken)
            self.count += len(taken)
            if self.count % STEP == 0:
                self._shrink()

    def merge(self, other: "Sketch") -> "Sketch":
        """A new sketch of the rows of both."""
        both = Sketch(self.columns, self.size)
        both.count = self.count + other.count
        height = max(len(self.levels), len(other.levels))
        both.levels = [[*self._at(h), *other._at(h)] for h in range(height)]
        both.halved = [sum(s.halved[h] for s in (self, other) if h < len(s.halved)) for h in range(height)]
        both._shrink()
        return both

    @property
    def rows(self) -> int:
        """Rows that are kept."""
        return sum(self._rows(level) for level in range(len(self.levels)))

    @property
    def rank_error(self) -> float:
        """Half-width of the 95 % interval of the share of rows below a quantile.

        Halving moves a rank by the weight of a row, up or down, if it is odd, and not at all if it is even.
        """
        variance = sum(times * 4.0**level / 2 for level, times in enumerate(self.halved))
        return 1.96 * math.sqrt(variance) / max(self.count, 1)

    def quantiles(self, levels: Sequence[float]) -> Float[np.ndarray, "level column"]:
        """Interpolated as ``numpy.quantile`` does, NaN left out; NaN for a column without values."""
        found = np.full((len(levels), self.columns), np.nan, dtype=np.float32)
        if not self.count or not self.columns:
            return found
        weight = np.concatenate([np.full(self._rows(h), 2.0**h) for h in range(len(self.levels))])
        kept = [torch.cat([part.cpu() for part in level], 1).numpy() for level in self.levels if level]
        for start in range(0, self.columns, COLUMNS):
            values = np.concatenate([level[start : start + COLUMNS] for level in kept], 1)  # [column row]
            order = np.argsort(values, axis=1)  # NaN come last
            values, weights = np.take_along_axis(values, order, 1), weight[order]
            ends = weights.cumsum(1)
            # Of the rows that a row stands for, the middle one is where it is.
            places = ends - (weights + 1) / 2
            for column, (x, place, end) in enumerate(zip(values, places, ends, strict=True), start):
                defined = len(x) - int(np.isnan(x).sum())
                if defined:
                    asked = np.asarray(levels) * (end[defined - 1] - 1)
                    found[:, column] = np.interp(asked, place[:defined], x[:defined])
        return found

    def _at(self, level: int) -> list[Tensor]:
        return self.levels[level] if level < len(self.levels) else []

    def _rows(self, level: int) -> int:
        return sum(part.shape[1] for part in self.levels[level])

    def _room(self, level: int) -> int:
        return max(min(STEP, self.size), int(self.size * SHRINK ** (len(self.levels) - 1 - level)))

    def _shrink(self) -> None:
        """Halve levels until there is room."""
        while True:
            rows, room = zip(*((self._rows(h), self._room(h)) for h in range(len(self.levels))), strict=True)
            if sum(rows) <= sum(room):
                return
            self._halve(next(h for h in range(len(rows)) if rows[h] >= room[h]))

    def _halve(self, level: int) -> None:
        rows = torch.cat([part.to(self.levels[level][0].device) for part in self.levels[level]], 1)
        # Far below the highest level rows weigh little, so short blocks do: their sorts are many times faster.
        whole = rows.shape[1] // 2 * 2
        block = min(STEP, whole) if len(self.levels) - 1 - level >= FINE else whole
        count = rows.shape[1] // block
        if level + 1 == len(self.levels):
            self.levels.append([])
            self.halved.append(0)
        ordered = _sorted(rows[:, : count * block].reshape(self.columns, count, block))
        for number in range(count):
            # Multiples of the golden ratio: as many of one half as of the other, and in step with nothing.
            offset = (self.halved[level] + level + 1) * 2654435761 % 2**32 >> 31
            self.levels[level + 1].append(ordered[:, number, offset::2].contiguous())
            self.halved[level] += 1
        rest = rows[:, count * block :]
        self.levels[level] = [rest.contiguous()] if rest.shape[1] else []


def _sorted(rows: Float[Tensor, "column block row"]) -> Float[Tensor, "column block row"]:
    """Each block of each column by itself, perhaps in place. NumPy's sort is vectorised, torch's is not."""
    if rows.device.type != "cpu":
        return rows.sort(2).values
    rows.numpy().sort(axis=2)
    return rows
