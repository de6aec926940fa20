"""Share of the state that each of the first steps rewrites.

‖h_t − h_{t−1}‖ for every transition apart, with its spread over sequences, so that the transitions of two networks can
be tested against each other (``unitscope.comparison.steps``).
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
from unitscope.views import Heatmap, Lines, Series, View

SHOWN = 48
"""Units in the heat map of a site."""


@dataclass
class Sums:
    """Running sums of one site, in float64, by the step that a transition leads to."""

    site: Site
    count: Int[Tensor, " step"]
    norm: Float[Tensor, " step"]
    squares: Float[Tensor, " step"]
    """Σ ‖h_t − h_{t−1}‖²."""
    change: Float[Tensor, "step unit"]
    """Σ |x_t − x_{t−1}|."""
    signed: Float[Tensor, "step unit"]
    """Σ (x_t − x_{t−1})."""


@dataclass(frozen=True, eq=False)
class ChangeByStepResult(Result):
    count: Int[np.ndarray, " step"]
    """Sequences with a transition to the step; none leads to step 0."""
    norm: Float[np.ndarray, " step"]
    """Mean of ‖h_t − h_{t−1}‖; NaN for a step that no transition leads to."""
    norm_std: Float[np.ndarray, " step"]
    """Its standard deviation over sequences; NaN for fewer than two."""
    change: Float[np.ndarray, "step unit"]
    """Mean of |x_t − x_{t−1}|."""
    signed: Float[np.ndarray, "step unit"]
    """Mean of x_t − x_{t−1}."""

    def columns(self) -> list[Column]:
        seen = self.count > 0
        steps = np.flatnonzero(seen)[:, None]
        total = self.change[seen].sum(0)
        centre = (steps * self.change[seen]).sum(0) / np.where(total > 0, total, np.nan)
        return [Column("change centre", centre, "mean step of the unit's changes over the first steps, by their size")]

    def views(self, unit: int | None = None) -> list[View]:
        seen = np.flatnonzero(self.count)
        x = seen.astype(float).tolist()
        if unit is not None:
            size = Series("size of the change", self.change[seen, unit].tolist())
            signed = Series("change, with its sign", self.signed[seen, unit].tolist())
            return [Lines("Change into each step", x, [size, signed], "step", "mean change")]
        norm, std = self.norm[seen], np.nan_to_num(self.norm_std[seen])
        band = Series("mean and standard deviation", norm.tolist(), (norm - std).tolist(), (norm + std).tolist())
        title = "How far the state moves, step by step"
        views: list[View] = [Lines(title, x, [band], "step", "norm of the change")]
        if len(seen) and self.units:
            largest = np.sort(np.argsort(-self.change[seen].max(0), kind="stable")[:SHOWN])
            values = self.signed[np.ix_(seen, largest)].T
            end = float(np.abs(values).max()) or 1.0
            names = [f"{self.site}/{u}" for u in largest]
            note = f"mean over sequences, of the {len(largest)} units that change most"
            steps = [str(t) for t in seen]
            views.append(Heatmap("Mean change into each step", names, steps, values.tolist(), -end, end, note=note))
        return views


@dataclass(frozen=True)
class ChangeByStep(Analysis[Sums]):
    """Change by step.

    For each transition between the first steps of a sequence: how far the state of all units moves (the length of the
    difference), its mean and spread over sequences, and each unit's mean change.
    """

    whole_chunks: ClassVar[bool] = True

    steps: int = field(default=16, metadata={"help": "how many steps, from the first"})

    def start(self, site: Site, given: Given) -> Sums:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=torch.float64)

        count = torch.zeros(self.steps, dtype=torch.int64)
        each = (self.steps, site.units)
        return Sums(site, count, zeros(self.steps), zeros(self.steps), zeros(*each), zeros(*each))

    def update(self, state: Sums, chunk: Chunk) -> None:
        early = (chunk.position > 0) & (chunk.position < self.steps)
        rows = torch.nonzero(early).squeeze(1)
        if not len(rows):
            return
        step = chunk.position[rows].cpu()
        change = (chunk.activations[rows] - chunk.activations[rows - 1]).cpu().double()  # [transition unit]
        square = change.square().sum(1)
        state.count += torch.bincount(step, minlength=self.steps)
        state.norm.index_add_(0, step, square.sqrt())
        state.squares.index_add_(0, step, square)
        state.signed.index_add_(0, step, change)
        state.change.index_add_(0, step, change.abs_())

    def merge(self, a: Sums, b: Sums) -> Sums:
        return Sums(
            a.site,
            a.count + b.count,
            a.norm + b.norm,
            a.squares + b.squares,
            a.change + b.change,
            a.signed + b.signed,
        )

    def compute(self, state: Sums) -> ChangeByStepResult:
        n = torch.where(state.count > 0, state.count.double(), math.nan)
        mean = state.norm / n
        variance = (state.squares / n - mean**2).clamp(min=0) * n / torch.where(n > 1, n - 1, math.nan)
        return ChangeByStepResult(
            site=state.site.name,
            units=state.site.units,
            count=state.count.numpy().copy(),
            norm=mean.numpy(),
            norm_std=variance.sqrt().numpy(),
            change=(state.change / n[:, None]).numpy(),
            signed=(state.signed / n[:, None]).numpy(),
        )
