"""Share of gates at an end of their range, at each of the first steps.

Whether a network uses its gates is not one number: a gate may be open while it reads and shut while it writes.
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Lines, Series, View


@dataclass
class Counts:
    """Sequences that reach a step, and of each unit those at either end."""

    site: Site
    count: Int[Tensor, " step"]
    left: Float[Tensor, "step unit"]
    right: Float[Tensor, "step unit"]


@dataclass(frozen=True, eq=False)
class SaturationByStepResult(Result):
    left_below: float
    right_above: float
    count: Int[np.ndarray, " step"]
    left: Float[np.ndarray, "step unit"]
    """Share of sequences with an activation below ``left_below``; NaN for a step that none reaches."""
    right: Float[np.ndarray, "step unit"]
    """Share of sequences with an activation above ``right_above``."""

    def columns(self) -> list[Column]:
        seen = self.count > 0
        shares = (self.left + self.right)[seen]
        swing = np.ptp(shares, axis=0) if seen.any() else np.full(self.units, np.nan)
        return [Column("saturation swing", swing, "largest less smallest share of saturation over the first steps")]

    def views(self, unit: int | None = None) -> list[View]:
        seen = np.flatnonzero(self.count)
        if unit is None:
            left, right = self.left[seen], self.right[seen]
            series = [_quartiles(f"< {self.left_below:g}", left), _quartiles(f"> {self.right_above:g}", right)]
            note = "mean over the units; bands hold the middle half of them"
        else:
            series = [
                Series(f"< {self.left_below:g}", self.left[seen, unit].tolist()),
                Series(f"> {self.right_above:g}", self.right[seen, unit].tolist()),
            ]
            note = ""
        return [Lines("Saturation by step", seen.astype(float).tolist(), series, "step", "share of sequences", note)]


@dataclass(frozen=True)
class SaturationByStep(Analysis[Counts]):
    """Saturation by step.

    Share of sequences in which a unit is left-saturated (a gate < 0.1) or right-saturated (a gate > 0.9) at each of the
    first steps; ends as in gate saturation.
    """

    whole_chunks: ClassVar[bool] = True

    steps: int = field(default=16, metadata={"help": "how many steps, from the first"})
    margin: float = field(default=0.1, metadata={"help": "how near to a bound counts as saturated"})

    def applies(self, site: Site) -> bool:
        return math.isfinite(site.low) and math.isfinite(site.high)

    def start(self, site: Site, given: Given) -> Counts:
        each = torch.zeros(self.steps, site.units, dtype=torch.float64)
        return Counts(site, torch.zeros(self.steps, dtype=torch.int64), each, each.clone())

    def update(self, state: Counts, chunk: Chunk) -> None:
        rows = torch.nonzero(chunk.position < self.steps).squeeze(1)
        if not len(rows):
            return
        x, step = chunk.activations[rows].cpu(), chunk.position[rows].cpu()
        below, above = self._ends(state.site)
        state.count += torch.bincount(step, minlength=self.steps)
        state.left.index_add_(0, step, (x < below).double())
        state.right.index_add_(0, step, (x > above).double())

    def merge(self, a: Counts, b: Counts) -> Counts:
        return Counts(a.site, a.count + b.count, a.left + b.left, a.right + b.right)

    def compute(self, state: Counts) -> SaturationByStepResult:
        below, above = self._ends(state.site)
        n = torch.where(state.count > 0, state.count.double(), math.nan)[:, None]
        return SaturationByStepResult(
            site=state.site.name,
            units=state.site.units,
            left_below=below,
            right_above=above,
            count=state.count.numpy().copy(),
            left=(state.left / n).numpy(),
            right=(state.right / n).numpy(),
        )

    def _ends(self, site: Site) -> tuple[float, float]:
        return site.low + self.margin, site.high - self.margin


def _quartiles(name: str, shares: Float[np.ndarray, "seen unit"]) -> Series:
    if not shares.size:
        return Series(name, [])
    low, high = np.quantile(shares, [0.25, 0.75], axis=1)
    return Series(name, shares.mean(1).tolist(), low.tolist(), high.tolist())
