"""Quantiles of each unit, from a sample of tokens that does not depend on how the data were divided.

Every token has a pseudo-random number made from its sequence and position; the sample is the tokens with
the smallest numbers ("bottom-k", Cohen & Kaplan 2007). So samples merge exactly, and the same tokens are
taken for every site. By the inequality of Dvoretzky, Kiefer & Wolfowitz the share of tokens below the
estimated quantile is off by at most sqrt(ln(2 / 0.05) / (2 · size)) with 95 % confidence: 1.5 points
for a sample of 8,192.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.analysis import Analysis
from unitscope.models.site import Site
from unitscope.recording.chunk import Chunk
from unitscope.result import Column, Result
from unitscope.view import Field, Group, Scatter, Table, View

_TAIL = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4)
LEVELS = (*_TAIL, 0.5, *(round(1 - level, 3) for level in reversed(_TAIL)))
"""Denser towards the ends, where rare concepts live."""


@dataclass(frozen=True)
class Rows:
    """Some tokens."""

    numbers: Int[Tensor, " token"]
    activations: Float[Tensor, "token unit"]
    labels: Float[Tensor, "token label"]


@dataclass
class Sample:
    """Tokens among which are those with the smallest numbers. Sorting out the others can wait until they are many."""

    site: Site
    parts: list[Rows]
    limit: int
    """Tokens with larger numbers need not be kept."""


@dataclass(frozen=True, eq=False)
class QuantilesResult(Result):
    count: int
    """Tokens in the sample."""
    levels: list[float]
    values: Float[np.ndarray, "level unit"]
    labels: list[str]
    label_values: Float[np.ndarray, "level label"]
    """The same quantiles of the labels, undefined values left out."""
    label_means: Float[np.ndarray, " label"]

    def columns(self) -> list[Column]:
        at = dict(zip(self.levels, self.values, strict=True))
        return [
            Column("q05", at[0.05], "5 % of the activations lie below"),
            Column("median", at[0.5], "half of the activations lie below"),
            Column("q95", at[0.95], "95 % of the activations lie below"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        note = f"from {self.count:,} sampled tokens"
        if unit is None:
            low, high = self.values[self.levels.index(0.05)], self.values[self.levels.index(0.95)]
            names = [f"{self.site}/{u}" for u in range(self.units)]
            group = Group(self.site, low.tolist(), high.tolist(), names)
            return [Scatter("Range of every unit", [group], "5 % quantile", "95 % quantile", note=note)]
        fields = [Field(f"{level:.1%}") for level in self.levels]
        return [Table("Quantiles", fields, [self.values[:, unit].tolist()], note=note)]


@dataclass(frozen=True)
class Quantiles(Analysis[Sample]):
    """Quantiles.

    Estimated from a uniform sample of ``size`` tokens, kept at full precision.
    """

    size: int = field(default=8192, metadata={"help": "tokens in the sample"})
    of_labels: tuple[str, ...] = field(default=(), metadata={"help": "labels whose quantiles are wanted too"})

    @property
    def labels(self) -> tuple[str, ...]:
        return self.of_labels

    def start(self, site: Site, given: Mapping[str, Any]) -> Sample:
        nothing = Rows(
            torch.empty(0, dtype=torch.int64), torch.empty(0, site.units), torch.empty(0, len(self.of_labels))
        )
        return Sample(site, [nothing], torch.iinfo(torch.int64).max)

    def update(self, state: Sample, chunk: Chunk) -> None:
        numbers = token_numbers(chunk.sequence, chunk.position)
        rows = torch.nonzero(numbers < state.limit).squeeze(1)
        if len(rows) == 0:
            return
        if len(rows) > self.size:
            rows = rows[torch.topk(numbers[rows], self.size, largest=False, sorted=False).indices]
        part = Rows(
            numbers[rows].cpu(),
            chunk.activations[rows].float().cpu(),
            torch.stack([chunk.labels[name][rows] for name in self.of_labels], 1).float().cpu()
            if self.of_labels
            else torch.empty(len(rows), 0),
        )
        state.parts.append(part)
        if sum(len(part.numbers) for part in state.parts) > 2 * self.size:
            smallest = self._smallest(state.parts)
            state.parts, state.limit = [smallest], int(smallest.numbers[-1])

    def merge(self, a: Sample, b: Sample) -> Sample:
        return Sample(a.site, [self._smallest([*a.parts, *b.parts])], min(a.limit, b.limit))

    def _smallest(self, parts: list[Rows]) -> Rows:
        """The sample, in the order of its numbers."""
        numbers = torch.cat([part.numbers for part in parts])
        order = torch.argsort(numbers)[: self.size]
        return Rows(
            numbers[order],
            torch.cat([part.activations for part in parts])[order],
            torch.cat([part.labels for part in parts])[order],
        )

    def compute(self, state: Sample) -> QuantilesResult:
        sample = self._smallest(state.parts)
        return QuantilesResult(
            site=state.site.name,
            units=state.site.units,
            count=len(sample.numbers),
            levels=list(LEVELS),
            values=_quantiles(sample.activations),
            labels=list(self.of_labels),
            label_values=_quantiles(sample.labels),
            label_means=sample.labels.nanmean(0).numpy(),
        )


def token_numbers(sequence: Int[Tensor, " token"], position: Int[Tensor, " token"]) -> Int[Tensor, " token"]:
    """A pseudo-random 63-bit number for each token, all different: SplitMix64 of (sequence, position)."""
    x = (sequence << 32) + position
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15)):
        x = (x ^ _shift(x, shift)) * factor
    return _shift(x ^ _shift(x, 31), 1)


def _shift(x: Int[Tensor, " token"], bits: int) -> Int[Tensor, " token"]:
    """Logical shift right: torch's own keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _quantiles(values: Float[Tensor, "sampled column"]) -> Float[np.ndarray, "level column"]:
    """Interpolated quantiles of each column, NaN left out. NumPy sorts 20 times as fast as ``torch.nanquantile``."""
    if values.shape[0] == 0:
        return np.full((len(LEVELS), values.shape[1]), np.nan, dtype=np.float32)
    ordered = np.sort(values.numpy(), axis=0)  # NaN come last
    defined = (~np.isnan(ordered)).sum(0)  # [column]
    place = np.array(LEVELS)[:, None] * np.maximum(defined - 1, 0)  # [level column]
    low = np.take_along_axis(ordered, np.floor(place).astype(np.int64), 0)
    high = np.take_along_axis(ordered, np.ceil(place).astype(np.int64), 0)
    found: Float[np.ndarray, "level column"] = low + (place - np.floor(place)) * (high - low)
    return found.astype(np.float32)
