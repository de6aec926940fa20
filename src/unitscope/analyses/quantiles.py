"""Quantiles of each unit, from a sketch of all tokens whose error in rank is small and told.

The sketch (``_sketch``) is exact while the tokens are few. Beyond that its error is some .05 % of the tokens, whatever
the activations are; it depends on the order of the tokens and on how parts were merged, never on the size of chunks.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.analyses._sketch import Sketch
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Group, Scatter, Table, View

_TAIL = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4)
LEVELS = (*_TAIL, 0.5, *(round(1 - level, 3) for level in reversed(_TAIL)))
"""Denser towards the ends, where rare concepts live."""


@dataclass
class Seen:
    """Sketch of one site."""

    site: Site
    sketch: Sketch
    labels: Sketch
    defined: Float[Tensor, " label"]
    """Tokens where the label is defined."""
    label_sums: Float[Tensor, " label"]
    """In float64."""


@dataclass(frozen=True, eq=False)
class QuantilesResult(Result):
    count: int
    """Tokens."""
    rank_error: float
    """Half-width of the 95 % interval of the share of tokens below a quantile; 0 where all tokens were kept."""
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
        note = f"of {self.count:,} tokens; shares are within {self.rank_error:.3%} (95 %)"
        if unit is None:
            low, high = self.values[self.levels.index(0.05)], self.values[self.levels.index(0.95)]
            names = [f"{self.site}/{u}" for u in range(self.units)]
            group = Group(self.site, low.tolist(), high.tolist(), names)
            return [Scatter("Range of every unit", [group], "5 % quantile", "95 % quantile", note=note)]
        fields = [Field(f"{level:.1%}") for level in self.levels]
        return [Table("Quantiles", fields, [self.values[:, unit].tolist()], note=note)]


@dataclass(frozen=True)
class Quantiles(Analysis[Seen]):
    """Quantiles.

    From a sketch of all tokens (Karnin, Lang & Liberty 2016); the share of tokens below a quantile is off by a stated
    error, some .05 % of all tokens.
    """

    size: int = field(default=4096, metadata={"help": "tokens up to which it is exact; more make its error smaller"})
    of_labels: tuple[str, ...] = field(default=(), metadata={"help": "labels whose quantiles are wanted too"})

    @property
    def labels(self) -> tuple[str, ...]:
        return self.of_labels

    def start(self, site: Site, given: Given) -> Seen:
        zeros = torch.zeros(len(self.of_labels), dtype=torch.float64)
        return Seen(site, Sketch(site.units, self.size), Sketch(len(zeros), self.size), zeros, zeros.clone())

    def update(self, state: Seen, chunk: Chunk) -> None:
        state.sketch.add(chunk.activations)
        if self.of_labels:
            labels = torch.stack([chunk.labels[name] for name in self.of_labels], 1).cpu()  # [token label]
            state.labels.add(labels)
            state.defined += (~labels.isnan()).sum(0)
            state.label_sums += labels.nansum(0, dtype=torch.float64)

    def merge(self, a: Seen, b: Seen) -> Seen:
        sketches = a.sketch.merge(b.sketch), a.labels.merge(b.labels)
        return Seen(a.site, *sketches, a.defined + b.defined, a.label_sums + b.label_sums)

    def compute(self, state: Seen) -> QuantilesResult:
        return QuantilesResult(
            site=state.site.name,
            units=state.site.units,
            count=state.sketch.count,
            rank_error=state.sketch.rank_error,
            levels=list(LEVELS),
            values=state.sketch.quantiles(LEVELS),
            labels=list(self.of_labels),
            label_values=state.labels.quantiles(LEVELS),
            label_means=(state.label_sums / state.defined).float().numpy(),
        )
