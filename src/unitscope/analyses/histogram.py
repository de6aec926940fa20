"""Histogram of each unit's values.

The range of an unbounded unit is known only at the end, and the counts may not depend on how the data were
divided. So bins are as wide as a power of two and begin at multiples of their width: when the range grows,
whole bins unite, no count is ever divided, and the final bins follow from the smallest and the largest value
alone. Between half and all of the bins lie in the range. A site with known bounds has its bins there at once.
"""

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope import views
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk

CACHED = 2**19
"""Values that are counted together: what a processor's cache can hold."""
FINEST = 22
"""A bin is no narrower than the largest value / 2**22: float32 must tell one bin from the next."""


@dataclass
class Counts:
    """Bin j of unit u holds the values from ``(first[u] + j) · 2**exponent[u]`` on, for one bin's width."""

    site: Site
    low: Float[Tensor, " unit"]
    high: Float[Tensor, " unit"]
    """What the bins must reach, in float64: the values seen, and the site's bounds where it has some."""
    exponent: Int[Tensor, " unit"]
    first: Int[Tensor, " unit"]
    counts: Int[Tensor, "unit bin"]


@dataclass(frozen=True, eq=False)
class HistogramResult(Result):
    start: Float[np.ndarray, " unit"]
    """Where the first bin begins."""
    width: Float[np.ndarray, " unit"]
    counts: Int[np.ndarray, "unit bin"]

    def columns(self) -> list[Column]:
        fullest = self.counts.argmax(1)  # [unit]
        total = self.counts.sum(1)
        mode = np.where(total > 0, self.start + self.width * (fullest + 0.5), np.nan)
        share = self.counts.max(1) / np.maximum(total, 1)
        return [
            Column("mode", mode, "the most frequent activation: middle of the fullest bin"),
            Column("mode share", share, "share of tokens in the fullest bin", "share"),
        ]

    def views(self, unit: int | None = None) -> list[views.View]:
        if unit is not None:
            counts = self.counts[unit]
            edges = self.start[unit] + self.width[unit] * np.arange(len(counts) + 1)
            return [_filled("How often which activation", edges, counts)]
        if self.units == 0:
            return []
        # All units on the coarsest unit's bins, where they unite exactly as they did while counting.
        width = self.width.max()
        middle = self.start[:, None] + self.width[:, None] * (np.arange(self.counts.shape[1]) + 0.5)  # [unit bin]
        number = np.floor(middle / width).astype(np.int64)
        total = np.bincount((number - number.min()).ravel(), weights=self.counts.ravel())
        edges = width * np.arange(number.min(), number.max() + 2)
        return [_filled("Activations of all units together", edges, total)]


def _filled(title: str, edges: Float[np.ndarray, " edge"], counts: np.ndarray) -> views.Histogram:
    """Without the empty bins at either end."""
    filled = np.flatnonzero(counts)
    low, high = (filled[0], filled[-1] + 1) if len(filled) else (0, 1)
    return views.Histogram(title, edges[low : high + 1].tolist(), counts[low:high].astype(float).tolist())


@dataclass(frozen=True)
class Histogram(Analysis[Counts]):
    """Histogram.

    Counts of each unit's activation in bins of equal width. The width is the power of two that brings the unit's
    range, or its site's bounds, into the wanted number of bins.
    """

    whole_chunks: ClassVar[bool] = True  # bins unite at most once for each
    bins: int = field(default=64, metadata={"help": "bins at most; a unit uses more than half of them"})

    def start(self, site: Site, given: Given) -> Counts:
        # The upper bound itself belongs to the last bin, which ends there: hence the number just below.
        low = site.low if math.isfinite(site.low) else math.inf
        high = _below(site.high) if math.isfinite(site.high) else -math.inf
        lows = torch.full((site.units,), low, dtype=torch.float64)
        highs = torch.full((site.units,), high, dtype=torch.float64)
        return Counts(
            site, lows, highs, *_bins(lows, highs, self.bins), torch.zeros(site.units, self.bins, dtype=torch.int64)
        )

    def update(self, state: Counts, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        x = chunk.activations  # [token unit]
        highest = _below(state.site.high) if math.isfinite(state.site.high) else math.inf
        low = torch.minimum(state.low, x.amin(0).cpu().double())
        high = torch.maximum(state.high, x.amax(0).clamp(max=highest).cpu().double())
        if not (torch.equal(low, state.low) and torch.equal(high, state.high)):
            vars(state).update(vars(_widened(state, low, high)))
        # A product with a power of two is exact, so that no value is ever taken for one of the next bin.
        scale = torch.exp2(-state.exponent).to(x)
        offset = (torch.arange(state.site.units) * self.bins - state.first).int().to(x.device)
        counts = torch.zeros(state.counts.numel(), dtype=torch.int64, device=x.device)
        for some in x.split(max(1, CACHED // x.shape[1])) if x.device.type == "cpu" else [x]:
            number = (some.clamp(max=highest) if highest < math.inf else some).mul(scale).floor_().int()  # [token unit]
            number += offset
            counts += torch.bincount(number.view(-1), minlength=state.counts.numel())
        state.counts += counts.view(state.counts.shape).cpu()

    def merge(self, a: Counts, b: Counts) -> Counts:
        low, high = torch.minimum(a.low, b.low), torch.maximum(a.high, b.high)
        whole = _widened(a, low, high)
        return replace(whole, counts=whole.counts + _widened(b, low, high).counts)

    def compute(self, state: Counts) -> HistogramResult:
        width = torch.exp2(state.exponent.double())
        return HistogramResult(
            site=state.site.name,
            units=state.site.units,
            start=(state.first * width).numpy(),
            width=width.numpy(),
            counts=state.counts.numpy().copy(),
        )


def _bins(
    low: Float[Tensor, " unit"], high: Float[Tensor, " unit"], bins: int
) -> tuple[Int[Tensor, " unit"], Int[Tensor, " unit"]]:
    """Exponent of the narrowest bins of which ``bins`` hold the range, and the number of the first of them."""
    low, high = torch.where(low <= high, low, 0.0), torch.where(low <= high, high, 0.0)
    exponent = torch.frexp((high - low) / bins).exponent.double()  # range / bins < 2**exponent ≤ twice that
    number = [(edge * torch.exp2(-exponent)).floor() for edge in (low, high)]
    exponent += number[1] - number[0] >= bins
    largest = torch.maximum(low.abs(), high.abs())
    finest = torch.where(largest > 0, torch.frexp(largest).exponent - FINEST, -math.inf)
    exponent = torch.maximum(torch.where(low < high, exponent, -math.inf), finest).clamp(min=-126)
    return exponent.long(), (low * torch.exp2(-exponent)).floor().long()


def _widened(state: Counts, low: Float[Tensor, " unit"], high: Float[Tensor, " unit"]) -> Counts:
    """The same counts in the bins of a range that contains the present one."""
    bins = state.counts.shape[1]
    exponent, first = _bins(low, high, bins)
    counts = state.counts
    moved = torch.nonzero((exponent != state.exponent) | (first != state.first)).squeeze(1)  # [unit], mostly none
    if len(moved):
        number = state.first[moved, None] + torch.arange(bins)  # [unit bin]
        # Shifts round down, below zero too.
        united = number >> (exponent - state.exponent)[moved, None].clamp(max=62)
        # Bins outside the new range are empty.
        target = (united - first[moved, None]).clamp(0, bins - 1)
        counts = counts.clone()
        counts[moved] = torch.zeros_like(number).scatter_add_(1, target, counts[moved])
    return Counts(state.site, low, high, exponent, first, counts)


def _below(value: float) -> float:
    """The next smaller float32; of 0 the next that no processor takes for 0."""
    return float(np.nextafter(np.float32(value), np.float32(-np.inf)) if value else -np.finfo(np.float32).tiny)
