"""Units and labels of some sequences, token by token: for what needs more than sums, such as a search or a regression.

Memory is all of it, so it is for a stated part of a corpus.
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
from unitscope.views import Field, Table, View


@dataclass
class Taken:
    """Blocks of one site, as they came."""

    site: Site
    sequence: list[Int[Tensor, " _"]]
    values: list[Float[Tensor, "_ unit"]]
    labels: list[Float[Tensor, "_ label"]]


@dataclass(frozen=True, eq=False)
class SampleResult(Result):
    sequence: Int[np.ndarray, " token"]
    """In rising order."""
    values: Float[np.ndarray, "token unit"]
    labels: list[str]
    said: Float[np.ndarray, "token label"]
    """NaN where a label is undefined."""

    def columns(self) -> list[Column]:
        return []

    def views(self, unit: int | None = None) -> list[View]:
        sequences = len(np.unique(self.sequence))
        note = f"{len(self.sequence):,} tokens of {sequences:,} sequences, {len(self.labels)} labels"
        if unit is None:
            return [Table("Sample", [], [], note=note)]
        rows = []
        for label, said in zip(self.labels, self.said.T, strict=True):
            parts = [self.values[held, unit] for held in (said > 0.5, said <= 0.5)]
            rows.append([label, *(float(part.mean()) if len(part) else math.nan for part in parts)])
        heads = [Field("label", "text"), Field("mean where it holds"), Field("elsewhere")]
        return [Table("Mean in the sample", heads, rows, note=note)]


@dataclass(frozen=True)
class Sample(Analysis[Taken]):
    """Sample.

    The values of units and labels at every token, in float32.
    """

    asks: ClassVar[bool] = True
    whole_chunks: ClassVar[bool] = True

    of: tuple[str, ...] = field(default=(), metadata={"help": "labels that are kept beside the units"})

    @property
    def labels(self) -> tuple[str, ...]:
        return self.of

    def start(self, site: Site, given: Given) -> Taken:
        return Taken(site, [], [], [])

    def update(self, state: Taken, chunk: Chunk) -> None:
        if len(chunk):
            state.sequence.append(chunk.sequence.cpu())
            state.values.append(chunk.activations.float().cpu())
            said = [chunk.labels[name].float().cpu() for name in self.of]
            state.labels.append(torch.stack(said, 1) if said else torch.empty(len(chunk), 0))

    def merge(self, a: Taken, b: Taken) -> Taken:
        return Taken(a.site, a.sequence + b.sequence, a.values + b.values, a.labels + b.labels)

    def compute(self, state: Taken) -> SampleResult:
        units, labels = state.site.units, len(self.of)
        sequence = torch.cat([torch.empty(0, dtype=torch.int64), *state.sequence])
        order = sequence.argsort(stable=True)  # a sequence is in one block
        return SampleResult(
            site=state.site.name,
            units=units,
            sequence=sequence[order].numpy(),
            values=torch.cat([torch.empty(0, units), *state.values])[order].numpy(),
            labels=list(self.of),
            said=torch.cat([torch.empty(0, labels), *state.labels])[order].numpy(),
        )
