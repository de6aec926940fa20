"""Which sign a unit without bounds has, and how its strength is spread over tokens.

A neuron behind GELU or SwiGLU has no ends to saturate at. It is told by how often and how strongly it is positive, and
by the lifetime sparseness of its magnitude, (Σ|x|)² / (n Σx²) (Treves & Rolls 1991): 1 for a unit that is always
equally strong, near 0 for one that is silent but for a few tokens.
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
from unitscope.views import Field, Group, Scatter, Table, View


@dataclass
class Sums:
    """Tokens so far, those above 0, and sums in float64."""

    site: Site
    tokens: int
    above: Int[Tensor, " unit"]
    positive: Float[Tensor, " unit"]
    """Of what is above 0."""
    negative: Float[Tensor, " unit"]
    """Of the size of what is below."""
    squares: Float[Tensor, " unit"]


@dataclass(frozen=True, eq=False)
class SignMagnitudeResult(Result):
    tokens: int
    above: Float[np.ndarray, " unit"]
    """Share of tokens with an activation above 0."""
    positive: Float[np.ndarray, " unit"]
    """Share of the whole magnitude, the sum of |x| over tokens, that is above 0."""
    magnitude: Float[np.ndarray, " unit"]
    """Mean of |x|."""
    density: Float[np.ndarray, " unit"]
    """(Σ|x|)² / (n Σx²)."""

    def columns(self) -> list[Column]:
        return [
            Column("positive", self.above, "share of tokens with an activation > 0", "share"),
            Column("positive magnitude", self.positive, "share of the sum of |activation| that is > 0", "share"),
            Column("magnitude", self.magnitude, "mean of |activation|"),
            Column("density", self.density, "lifetime density: 1 if always equally strong, near 0 if rarely", "share"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        if unit is None:
            names = [f"{self.site}/{u}" for u in range(self.units)]
            group = Group(self.site, self.above.tolist(), self.density.tolist(), names)
            ends = (0.0, 1.0)
            return [Scatter("Sign and density", [group], "share of tokens > 0", "density", xrange=ends, yrange=ends)]
        columns = self.columns()
        row = [float(column.values[unit]) for column in columns]
        return [Table(f"Sign and magnitude over {self.tokens:,} tokens", [Field(c.name) for c in columns], [row])]


@dataclass(frozen=True)
class SignMagnitude(Analysis[Sums]):
    """Sign and magnitude.

    Of units that have no bounds on at least one side: how often they are positive, how much of their magnitude that
    is, and its lifetime density (Treves & Rolls 1991). Units with bounds are told by their saturation instead.
    """

    def applies(self, site: Site) -> bool:
        return math.isinf(site.low) or math.isinf(site.high)

    def start(self, site: Site, given: Given) -> Sums:
        zeros = torch.zeros(site.units, dtype=torch.float64)
        return Sums(site, 0, zeros.long(), zeros.clone(), zeros.clone(), zeros.clone())

    def update(self, state: Sums, chunk: Chunk) -> None:
        x = chunk.activations  # [token unit]
        positive = x.clamp(min=0)
        state.above += (x > 0).sum(0).cpu()
        state.positive += positive.sum(0, dtype=torch.float64).cpu()
        state.negative += (positive - x).sum(0, dtype=torch.float64).cpu()
        state.squares += (x * x).sum(0, dtype=torch.float64).cpu()
        state.tokens += len(chunk)

    def merge(self, a: Sums, b: Sums) -> Sums:
        return Sums(
            a.site,
            a.tokens + b.tokens,
            a.above + b.above,
            a.positive + b.positive,
            a.negative + b.negative,
            a.squares + b.squares,
        )

    def compute(self, state: Sums) -> SignMagnitudeResult:
        tokens = state.tokens or math.nan
        whole = state.positive + state.negative
        some = torch.where(whole > 0, whole, torch.nan)
        return SignMagnitudeResult(
            site=state.site.name,
            units=state.site.units,
            tokens=state.tokens,
            above=(state.above.double() / tokens).numpy(),
            positive=(state.positive / some).numpy(),
            magnitude=(whole / tokens).numpy(),
            density=(some * some / (tokens * state.squares)).numpy(),
        )
