"""Distance that the units move from one token to the next.

‖h_t − h_{t−1}‖ over all units of a site says how much of the state a token rewrites. Its distribution is counted
in bins of a fixed ratio, so that one set of bins serves every site; by position in the sequence it shows when a
fresh state has settled.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Group, Histogram, Lines, Scatter, Series, Table, View

PER_OCTAVE = 8
"""Bins of the norm for each doubling."""
LOWEST, HIGHEST = -20, 20
"""Norms below 2**LOWEST and above 2**HIGHEST go to the first and the last bin."""
OCTAVES = 32
"""Positions 1, 2–3, 4–7, … are counted apart."""


@dataclass
class Sums:
    """Running sums of one site, in float64."""

    site: Site
    tokens: int
    total: Float[Tensor, " unit"]
    squares: Float[Tensor, " unit"]
    steps: int
    change: Float[Tensor, " unit"]
    """Σ |x_t − x_{t−1}|."""
    norms: Int[Tensor, "octave bin"]
    """Steps by the octave of their position t, and by the norm of the change of all units."""


@dataclass(frozen=True, eq=False)
class StepChangeResult(Result):
    steps: int
    change: Float[np.ndarray, " unit"]
    """Mean of |x_t − x_{t−1}|."""
    relative: Float[np.ndarray, " unit"]
    """The same in standard deviations of the unit; NaN for a constant one."""
    norms: Int[np.ndarray, "octave bin"]
    """Steps at positions 2**octave ≤ t < 2**(octave + 1), with a norm in the bin."""

    def columns(self) -> list[Column]:
        return [
            Column("step change", self.change, "mean of |x_t − x_{t−1}|"),
            Column(
                "relative step change", self.relative, "step change / standard deviation; 1.13 for Gaussian white noise"
            ),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        if unit is not None:
            row = [float(self.change[unit]), float(self.relative[unit])]
            return [Table(f"Change over {self.steps:,} steps", [Field("mean"), Field("in standard deviations")], [row])]
        names = [f"{self.site}/{u}" for u in range(self.units)]
        group = Group(self.site, self.change.tolist(), self.relative.tolist(), names)
        title = "How far each unit moves in a step"
        return [Scatter(title, [group], "mean change", "in standard deviations"), *self._norm_views()]

    def _norm_views(self) -> list[View]:
        """The distribution of the norm, and its quartiles by position."""
        total = self.norms.sum(0)
        filled = np.flatnonzero(total)
        if len(filled) == 0:
            return []
        edges = 2.0 ** (LOWEST + np.arange(self.norms.shape[1] + 1) / PER_OCTAVE)
        kept = slice(filled[0], filled[-1] + 1)
        histogram = Histogram(
            "How far the state moves in a step",
            edges[kept.start : kept.stop + 1].tolist(),
            total[kept].astype(float).tolist(),
            xlabel="norm of the change",
            note=f"each bin ends {2 ** (1 / PER_OCTAVE) - 1:.0%} above its beginning",
        )
        octaves = np.flatnonzero(self.norms.sum(1))
        below = self.norms[octaves].cumsum(1)  # [octave bin]
        # The middle, in ratio, of the bin in which a quantile lies.
        low, middle, high = (
            edges[(below >= level * below[:, -1:]).argmax(1)] * 2 ** (0.5 / PER_OCTAVE) for level in (0.25, 0.5, 0.75)
        )
        quartiles = Series("median and quartiles", middle.tolist(), low.tolist(), high.tolist())
        title = "How far the state moves, by place in the sequence"
        return [histogram, Lines(title, (2.0**octaves).tolist(), [quartiles], "position, from", "norm of the change")]


@dataclass(frozen=True)
class StepChange(Analysis[Sums]):
    """Step change.

    The mean size of the change from token to token of each unit, also in standard deviations of the unit, and for the
    whole site how far the state of all units moves (the length of the difference). Steps from one sequence to the next
    do not count.
    """

    def start(self, site: Site, given: Given) -> Sums:
        zeros = torch.zeros(site.units, dtype=torch.float64)
        norms = torch.zeros(OCTAVES, (HIGHEST - LOWEST) * PER_OCTAVE, dtype=torch.int64)
        return Sums(site, 0, zeros.clone(), zeros.clone(), 0, zeros.clone(), norms)

    def update(self, state: Sums, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        x = chunk.activations  # [token unit]
        mean = x.mean(0)
        d = x - mean  # small numbers, of which float32 squares precisely
        sums = torch.stack([mean, d.sum(0), d.square_().sum(0)]).cpu().double()
        shift, total, squares = sums
        state.tokens += len(chunk)
        state.total += total + shift * len(chunk)
        state.squares += squares + 2 * shift * total + shift**2 * len(chunk)

        within = chunk.sequence[1:] == chunk.sequence[:-1]  # [step]
        change = x[1:] - x[:-1]  # [step unit]
        norm = torch.linalg.vector_norm(change, dim=1)[within]
        state.steps += len(norm)
        state.change += (within.to(x) @ change.abs_()).cpu().double()
        octave = torch.frexp(chunk.position[1:][within].double()).exponent.long() - 1
        bins = ((norm.log2() - LOWEST) * PER_OCTAVE).floor().clamp(0, state.norms.shape[1] - 1).long()
        counts = torch.bincount(octave * state.norms.shape[1] + bins, minlength=state.norms.numel())
        state.norms += counts.view(state.norms.shape).cpu()

    def merge(self, a: Sums, b: Sums) -> Sums:
        return Sums(
            a.site,
            a.tokens + b.tokens,
            a.total + b.total,
            a.squares + b.squares,
            a.steps + b.steps,
            a.change + b.change,
            a.norms + b.norms,
        )

    def compute(self, state: Sums) -> StepChangeResult:
        n = state.tokens or math.nan
        mean_square = state.squares / n
        variance = mean_square - (state.total / n) ** 2
        # Below this the variance is nothing but rounding.
        std = torch.where(variance > 1e-12 * mean_square, variance, torch.nan).sqrt()
        change = state.change / (state.steps or math.nan)
        return StepChangeResult(
            site=state.site.name,
            units=state.site.units,
            steps=state.steps,
            change=change.numpy(),
            relative=(change / std).numpy(),
            norms=state.norms.numpy().copy(),
        )
