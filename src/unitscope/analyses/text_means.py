"""Each unit's mean over each text, and whether a label holds somewhere in it: what is asked of whole texts.

A text is a sequence of the source. Means are over the text's own steps, so its length is in none of them.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Table, View


@dataclass
class Texts:
    """Texts of one site, as they came."""

    site: Site
    sequence: list[Int[Tensor, " _"]]
    means: list[Float[Tensor, "_ unit"]]
    holds: list[Bool[Tensor, "_ label"]]


@dataclass(frozen=True, eq=False)
class TextMeansResult(Result):
    sequence: Int[np.ndarray, " text"]
    """In rising order."""
    means: Float[np.ndarray, "text unit"]
    labels: list[str]
    holds: Bool[np.ndarray, "text label"]

    def inclusion(self) -> Float[np.ndarray, "unit label"]:
        """Mean over texts with the label less that over texts without, over the range of all (Na et al. 2019, eq. 2).

        NaN for a constant unit, and for a label that is in all texts or in none.
        """
        holds = self.holds.astype(np.float64)
        with np.errstate(all="ignore"):
            with_it = self.means.T @ holds / holds.sum(0)
            without = self.means.T @ (1 - holds) / (1 - holds).sum(0)
            span = np.ptp(self.means, 0) if len(self.means) else np.zeros(self.units)
            found: np.ndarray = (with_it - without) / np.where(span > 0, span, np.nan)[:, None]
        return found

    def columns(self) -> list[Column]:
        return []

    def views(self, unit: int | None = None) -> list[View]:
        note = f"{len(self.sequence):,} texts, {len(self.labels)} labels"
        if unit is None:
            return [Table("Means of texts", [], [], note=note)]
        found = self.inclusion()[unit]
        share = self.holds.sum(0) / max(1, len(self.holds))
        rows = [[name, float(found[k]), float(share[k])] for k, name in enumerate(self.labels)]
        heads = [Field("label", "text"), Field("inclusion"), Field("in", "share", help="share of the texts with it")]
        return [Table("Texts with each label against those without", heads, rows, note=note)]


@dataclass(frozen=True)
class TextMeans(Analysis[Texts]):
    """Means of texts.

    The mean of every unit over every text, and whether a label holds in it.
    """

    asks: ClassVar[bool] = True
    whole_chunks: ClassVar[bool] = True

    of: tuple[str, ...] = field(
        default=(), metadata={"help": "labels; one above one half at some token is in the text"}
    )

    @property
    def labels(self) -> tuple[str, ...]:
        return self.of

    def start(self, site: Site, given: Given) -> Texts:
        return Texts(site, [], [], [])

    def update(self, state: Texts, chunk: Chunk) -> None:
        if not len(chunk):
            return
        sequence, lengths = torch.unique_consecutive(chunk.sequence, return_counts=True)
        state.sequence.append(sequence.cpu())
        state.means.append(torch.segment_reduce(chunk.activations.float(), "mean", lengths=lengths, axis=0).cpu())
        said = [(chunk.labels[name] > 0.5).float() for name in self.of]
        flags = torch.stack(said, 1) if said else chunk.activations[:, :0] > 0
        state.holds.append(torch.stack([part.any(0) for part in flags.split(lengths.tolist())]).cpu())

    def merge(self, a: Texts, b: Texts) -> Texts:
        return Texts(a.site, a.sequence + b.sequence, a.means + b.means, a.holds + b.holds)

    def compute(self, state: Texts) -> TextMeansResult:
        units, labels = state.site.units, len(self.of)
        sequence = torch.cat([torch.empty(0, dtype=torch.int64), *state.sequence])
        order = sequence.argsort(stable=True)
        return TextMeansResult(
            site=state.site.name,
            units=units,
            sequence=sequence[order].numpy(),
            means=torch.cat([torch.empty(0, units), *state.means])[order].numpy(),
            labels=list(self.of),
            holds=torch.cat([torch.empty(0, labels, dtype=torch.bool), *state.holds])[order].numpy(),
        )
