"""Distribution of the activations at each step of a sequence.

Means hide what a network does as it reads on: a decoder whose units come to rest and one whose units stay lively may
have the same mean. So the first steps of every sequence are told apart: all units together as moments and a histogram
per step (of which quartiles and violins are drawn), and each unit by its mean and spread over sequences.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.analyses.histogram import Counts, Histogram
from unitscope.analyses.moments import Moments, Sums
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Heatmap, Lines, Series, Table, View

BOX = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that are drawn."""
ROWS = 32
"""Bins of the heat map at most, so that each has its label."""


@dataclass
class Steps:
    """For each step the fold of all its values, and of each unit's apart."""

    site: Site
    together: list[Sums]
    """Moments of the values of all units."""
    bins: list[Counts]
    """Their histogram."""
    apart: list[Sums]
    """Moments of each unit."""


@dataclass(frozen=True, eq=False)
class ByStepResult(Result):
    count: Int[np.ndarray, " step"]
    """Sequences that reach a step."""
    mean: Float[np.ndarray, " step"]
    """Of all values at a step: of all units in all sequences. So are the next five."""
    variance: Float[np.ndarray, " step"]
    skewness: Float[np.ndarray, " step"]
    kurtosis: Float[np.ndarray, " step"]
    smallest: Float[np.ndarray, " step"]
    largest: Float[np.ndarray, " step"]
    start: Float[np.ndarray, " step"]
    """Where the first bin begins."""
    width: Float[np.ndarray, " step"]
    counts: Int[np.ndarray, "step bin"]
    unit_mean: Float[np.ndarray, "step unit"]
    """Of each unit over the sequences."""
    unit_std: Float[np.ndarray, "step unit"]
    share: Float[np.ndarray, " unit"]
    """Share of a unit's variance over these steps that lies between the steps."""

    def quantiles(self, levels: Sequence[float] = BOX) -> Float[np.ndarray, "step level"]:
        """Quantiles at each step, from the histogram: true to the width of a bin. NaN for a step without data."""
        found = np.full((len(self.count), len(levels)), np.nan)
        for t in np.flatnonzero(self.counts.sum(1)):
            edges = self.start[t] + self.width[t] * np.arange(self.counts.shape[1] + 1)
            below = np.concatenate([[0], self.counts[t].cumsum()]) / self.counts[t].sum()
            found[t] = np.interp(levels, below, edges).clip(self.smallest[t], self.largest[t])
        return found

    def columns(self) -> list[Column]:
        return [
            Column("step share", self.share, "share of the variance over the first steps that step explains", "share")
        ]

    def views(self, unit: int | None = None) -> list[View]:
        seen = np.flatnonzero(self.count)
        x = seen.astype(float).tolist()
        if unit is not None:
            mean, std = self.unit_mean[seen, unit], self.unit_std[seen, unit]
            band = Series("mean and standard deviation", mean.tolist(), (mean - std).tolist(), (mean + std).tolist())
            return [Lines("Activation by step", x, [band], "step", "activation")]
        box = self.quantiles()[seen].T.tolist()  # [level step]
        series = [Series("90 %", box[2], box[0], box[4]), Series("half, and the median", box[2], box[1], box[3])]
        views: list[View] = [
            Lines("All units by step", x, series, "step", "activation", "bands hold 90 % and half of the values")
        ]
        violins = self._violins(seen)
        return [*views, *violins, self._moments(seen)]

    def _moments(self, seen: Int[np.ndarray, " seen"]) -> Table:
        fields = [
            Field("step", "integer"), Field("sequences", "integer"), Field("mean"), Field("variance"),
            Field("skewness"), Field("kurtosis"), Field("variance of units' means"), Field("min"), Field("max"),
        ]  # fmt: skip
        between = self.unit_mean.var(1)
        names = (self.mean, self.variance, self.skewness, self.kurtosis, between, self.smallest, self.largest)
        rows = [[int(t), int(self.count[t]), *(float(values[t]) for values in names)] for t in seen]
        return Table("Moments of all units by step", fields, rows)

    def _violins(self, seen: Int[np.ndarray, " seen"]) -> list[View]:
        """A column of the heat map is a violin: the share of the values of a step in each bin."""
        if not len(seen) or not self.units:
            return []
        # All steps on the coarsest step's bins, where they unite exactly as they did while counting.
        width = self.width[seen].max()
        middle = self.start[seen, None] + self.width[seen, None] * (np.arange(self.counts.shape[1]) + 0.5)
        number = np.floor(middle / width).astype(np.int64)  # [seen bin]
        while np.ptp(number[self.counts[seen] > 0]) >= ROWS:
            number, width = number >> 1, 2 * width
        filled = number[self.counts[seen] > 0]
        low, high = int(filled.min()), int(filled.max())
        density = np.zeros((high - low + 1, len(seen)))
        for column, t in enumerate(seen):
            inside = self.counts[t] > 0
            np.add.at(density[:, column], number[column, inside] - low, self.counts[t, inside])
        density /= density.sum(0)
        names = [f"{width * (low + row):.3g}" for row in range(len(density))]
        return [
            Heatmap(
                "Distribution of all units by step", names[::-1], [str(t) for t in seen], density[::-1].tolist(),
                0.0, float(density.max()), xlabel="step", ylabel="activation, from",
                note="the share of the values of a step in each bin",
            )
        ]  # fmt: skip


@dataclass(frozen=True)
class ByStep(Analysis[Steps]):
    """Distribution by step.

    Moments, quantiles and a histogram of all units together at each of the first steps of a sequence, and the mean and
    spread of each unit there. Later steps are left out. The share of a unit's variance that the step explains is 1 for
    a unit that counts and nothing else.
    """

    whole_chunks: ClassVar[bool] = True

    steps: int = field(default=16, metadata={"help": "how many steps, from the first"})
    bins: int = field(default=64, metadata={"help": "bins of each step's histogram at most"})

    def start(self, site: Site, given: Given) -> Steps:
        one = replace(site, units=1)
        moments, histogram = Moments(), Histogram(self.bins)
        return Steps(
            site,
            [moments.start(one, {}) for _ in range(self.steps)],
            [histogram.start(one, {}) for _ in range(self.steps)],
            [moments.start(site, {}) for _ in range(self.steps)],
        )

    def update(self, state: Steps, chunk: Chunk) -> None:
        early = torch.nonzero(chunk.position < self.steps).squeeze(1)
        order = chunk.position[early].argsort(stable=True)
        rows = early[order]
        lengths = torch.bincount(chunk.position[rows], minlength=self.steps).tolist()
        moments, histogram = Moments(), Histogram(self.bins)
        for t, part in enumerate(rows.split(lengths)):
            if not len(part) or not state.site.units:
                continue
            values = chunk.activations.index_select(0, part)
            one, every = _of(values, chunk), _of(values.reshape(-1, 1), chunk)
            moments.update(state.together[t], every)
            histogram.update(state.bins[t], every)
            moments.update(state.apart[t], one)

    def merge(self, a: Steps, b: Steps) -> Steps:
        moments, histogram = Moments(), Histogram(self.bins)
        return Steps(
            a.site,
            [moments.merge(x, y) for x, y in zip(a.together, b.together, strict=True)],
            [histogram.merge(x, y) for x, y in zip(a.bins, b.bins, strict=True)],
            [moments.merge(x, y) for x, y in zip(a.apart, b.apart, strict=True)],
        )

    def compute(self, state: Steps) -> ByStepResult:
        moments, histogram = Moments(), Histogram(self.bins)
        together = [moments.compute(sums) for sums in state.together]
        bins = [histogram.compute(counts) for counts in state.bins]
        apart = [moments.compute(sums) for sums in state.apart]

        def each(name: str) -> Float[np.ndarray, " step"]:
            found: np.ndarray = np.concatenate([getattr(result, name) for result in together])
            seen = np.array([result.count for result in together]) > 0
            return np.where(seen, found, np.nan)

        whole = state.apart[0]
        for sums in state.apart[1:]:
            whole = moments.merge(whole, sums)
        inside = torch.stack([sums.powers[0] for sums in state.apart]).sum(0)
        total = whole.powers[0]
        varies = total > 1e-12 * (total + whole.count * whole.mean**2)
        share = torch.where(varies, 1 - inside / total.clamp(min=1e-300), torch.nan)
        return ByStepResult(
            site=state.site.name,
            units=state.site.units,
            count=np.array([result.count for result in apart]),
            mean=each("mean"),
            variance=each("std") ** 2,
            skewness=each("skewness"),
            kurtosis=each("kurtosis"),
            smallest=each("smallest"),
            largest=each("largest"),
            start=np.concatenate([result.start for result in bins]),
            width=np.concatenate([result.width for result in bins]),
            counts=np.concatenate([result.counts for result in bins]),
            unit_mean=np.stack([result.mean for result in apart]),
            unit_std=np.stack([result.std if result.count else result.std * math.nan for result in apart]),
            share=share.clamp(0, 1).numpy(),
        )


def _of(values: Float[Tensor, "token unit"], chunk: Chunk) -> Chunk:
    """Values as a chunk, for the analyses that fold them: these look at nothing else."""
    nothing = chunk.tokens.new_zeros(len(values))
    return Chunk(values, nothing, nothing, nothing, {}, chunk.vocabulary)
