"""Which units of a site move together, and how many directions the site really uses."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform
from torch import Tensor

from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Heatmap, Table, View

BLOCK = 64
"""The matrix of products is symmetric: it is made in strips of so many columns, from the diagonal down."""
SHOWN = 128
"""Units in the picture of a site."""
PARTNERS = 10
"""Units in the table of a unit."""


@dataclass
class Sums:
    """Running sums of one site, in float64, about a shift near the mean: so float32 products lose nothing."""

    site: Site
    tokens: int
    shift: Float[Tensor, " unit"]
    """The mean of the first tokens."""
    total: Float[Tensor, " unit"]
    """Σ (x − shift)."""
    products: Float[Tensor, "unit unit"]
    """Σ (x − shift)(x − shift)ᵀ, the strips from the diagonal down."""


@dataclass(frozen=True, eq=False)
class CorrelationResult(Result):
    tokens: int
    """Those that were looked at."""
    r: Float[np.ndarray, "unit unit"]
    """Pearson correlation; NaN for constant units, 1 on the diagonal of the others."""
    dimensions: float
    """Participation ratio of the covariance: (Σ λ)² / Σ λ² over its eigenvalues; 0 if no unit moves."""

    def partners(self) -> tuple[Int[np.ndarray, " unit"], Float[np.ndarray, " unit"]]:
        """For each unit the other one with the largest |r|, and that r. −1 and NaN where there is none."""
        if self.units < 2:
            return np.full(self.units, -1), np.full(self.units, np.nan)
        strength = _strength(self.r)
        partner = strength.argmax(1)
        found = strength.max(1) >= 0
        r = self.r[np.arange(self.units), partner]
        return np.where(found, partner, -1), np.where(found, r, np.nan)

    def columns(self) -> list[Column]:
        partner, r = self.partners()
        names = np.array([f"{self.site}/{p}" if p >= 0 else "" for p in partner])
        return [
            Column("nearest unit", names, "the unit of this site with the largest |r|", "unit"),
            Column("nearest r", r, "correlation with the nearest unit"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        if unit is not None:
            # Of this unit's row alone: a page shows every unit, and the whole matrix for each would take its cube.
            strength = np.where(np.isnan(self.r[unit]), -1.0, np.abs(self.r[unit]))
            strength[unit] = -1.0
            order = np.argsort(-strength, kind="stable")[:PARTNERS]
            rows = [[f"{self.site}/{u}", float(self.r[unit, u])] for u in order if strength[u] >= 0]
            return [Table("Units that move with it", [Field("unit", "unit"), Field("r")], rows)]
        note = f"{self.tokens:,} tokens; participation ratio: {self.dimensions:.1f} of {self.units} dimensions"
        if self.units > SHOWN:
            note += f"; the {SHOWN} units with the nearest neighbours"
        shown = self._shown()
        names = [f"{self.site}/{u}" for u in shown]
        values = self.r[np.ix_(shown, shown)].tolist()
        return [Heatmap("Correlation between units, like beside like", names, names, values, -1.0, 1.0, note=note)]

    def _shown(self) -> Int[np.ndarray, " shown"]:
        """The units with the strongest correlations, in the order of average-linkage clusters of 1 − |r|."""
        strength = _strength(self.r)
        units = np.sort(np.argsort(-strength.max(1, initial=-1.0), kind="stable")[:SHOWN])
        if len(units) < 3:
            return units
        distance = 1 - strength[np.ix_(units, units)].clip(0, 1)
        np.fill_diagonal(distance, 0)
        tree = hierarchy.linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
        return units[hierarchy.leaves_list(tree)]


def _strength(r: Float[np.ndarray, "unit unit"]) -> Float[np.ndarray, "unit unit"]:
    """|r| with other units; −1 with itself and where it is not known."""
    strength = np.where(np.isnan(r), -1.0, np.abs(r))
    np.fill_diagonal(strength, -1.0)
    return strength


WIDEST = 8192
"""Units, whose products take half a gigabyte."""


@dataclass(frozen=True)
class Correlation(Analysis[Sums]):
    """Correlation between units.

    Pearson's r of every pair of units of a site, and the participation ratio of their covariance: the number of
    dimensions in which the state moves (Gao et al. 2017). Every fourth token is enough, since neighbours say nearly
    the same. Memory grows with the square of the units, so wider sites than 8,192 units, such as the latents of sparse
    autoencoders, have none.
    """

    every: int = field(default=4, metadata={"help": "one token in so many is looked at; 1 for all"})

    def applies(self, site: Site) -> bool:
        return site.units <= WIDEST

    def start(self, site: Site, given: Given) -> Sums:
        zeros = torch.zeros(site.units, dtype=torch.float64)
        products = torch.zeros(site.units, site.units, dtype=torch.float64)
        return Sums(site, 0, zeros.clone(), zeros.clone(), products)

    def update(self, state: Sums, chunk: Chunk) -> None:
        # Where in a sequence the first is depends on the sequence, so that short ones are not all read at their start.
        rows = torch.nonzero((chunk.sequence + chunk.position) % self.every == 0).squeeze(1)
        if len(rows) == 0:
            return
        x = chunk.activations.index_select(0, rows)  # [token unit]
        if state.tokens == 0:
            state.shift = x.mean(0).cpu().double()
        d = x - state.shift.to(x)
        state.tokens += len(rows)
        state.total += d.sum(0).cpu()
        for first in range(0, state.site.units, BLOCK):
            strip = d[:, first:].T @ d[:, first : first + BLOCK]  # [unit from first on, unit of the strip]
            state.products[first:, first : first + BLOCK] += strip.cpu()

    def merge(self, a: Sums, b: Sums) -> Sums:
        if a.tokens == 0:
            a, b = b, a
        # b's sums about a's shift.
        move = b.shift - a.shift if b.tokens else torch.zeros_like(a.shift)
        cross = torch.outer(move, b.total)
        moved = b.products + cross + cross.T + b.tokens * torch.outer(move, move)
        return Sums(
            a.site, a.tokens + b.tokens, a.shift.clone(), a.total + b.total + b.tokens * move, a.products + moved
        )

    def compute(self, state: Sums) -> CorrelationResult:
        n = state.tokens or math.nan
        mean = state.total / n
        lower = state.products.tril()
        covariance = (lower + lower.tril(-1).T) / n - torch.outer(mean, mean)
        variance = covariance.diagonal()
        mean_square = variance + (state.shift + mean) ** 2
        # Below this the variance is nothing but rounding.
        std = torch.where(variance > 1e-12 * mean_square, variance, torch.nan).sqrt()
        r = (covariance / torch.outer(std, std)).clamp(-1, 1)
        r.diagonal().copy_(torch.where(std > 0, 1.0, torch.nan))
        moving = covariance[std > 0][:, std > 0]
        return CorrelationResult(
            site=state.site.name,
            units=state.site.units,
            tokens=state.tokens,
            r=r.float().numpy(),
            dimensions=float(moving.trace() ** 2 / (moving**2).sum()) if len(moving) else 0.0,
        )
