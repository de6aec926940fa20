"""Share of tokens on which each unit sits at an end of its range (Karpathy, Johnson & Li 2015, figure 3).

A gate that is nearly always right-saturated passes everything (a forget gate: an integrator), one that is nearly
always left-saturated nothing. Mind the convention of ``nn.GRU``: its update gate near 1 keeps the old state.
"""

import math
from dataclasses import dataclass, field

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
class Counts:
    """Tokens so far, and those at either end."""

    site: Site
    tokens: int
    left: Int[Tensor, " unit"]
    right: Int[Tensor, " unit"]


@dataclass(frozen=True, eq=False)
class GateSaturationResult(Result):
    tokens: int
    left_below: float
    right_above: float
    left: Float[np.ndarray, " unit"]
    """Share of tokens with an activation below ``left_below``."""
    right: Float[np.ndarray, " unit"]
    """Share of tokens with an activation above ``right_above``."""

    def columns(self) -> list[Column]:
        return [
            Column("left saturated", self.left, f"share of tokens with an activation < {self.left_below:g}", "share"),
            Column(
                "right saturated", self.right, f"share of tokens with an activation > {self.right_above:g}", "share"
            ),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        left, right = f"share of tokens < {self.left_below:g}", f"share of tokens > {self.right_above:g}"
        if unit is None:
            names = [f"{self.site}/{u}" for u in range(self.units)]
            group = Group(self.site, self.right.tolist(), self.left.tolist(), names)
            ends = (0.0, 1.0)
            note = "a unit on the line from (0, 1) to (1, 0) is saturated at every token"
            return [Scatter("Saturation", [group], right, left, note=note, xrange=ends, yrange=ends)]
        shares = [float(self.left[unit]), float(self.right[unit])]
        fields = [Field("left", "share", left), Field("right", "share", right), Field("neither", "share")]
        return [Table(f"Saturation over {self.tokens:,} tokens", fields, [[*shares, 1 - sum(shares)]])]


@dataclass(frozen=True)
class GateSaturation(Analysis[Counts]):
    """Gate saturation.

    Share of tokens at which a unit is left-saturated (a gate < 0.1) or right-saturated (a gate > 0.9), both strict.
    For other sites with bounds, such as a hidden state in (−1, 1), the ends are as near to the bounds: < −0.9 and
    > 0.9. Sites without bounds cannot saturate and are left out. Karpathy, Johnson & Li 2015.
    """

    margin: float = field(default=0.1, metadata={"help": "how near to a bound counts as saturated"})

    def applies(self, site: Site) -> bool:
        return math.isfinite(site.low) and math.isfinite(site.high)

    def start(self, site: Site, given: Given) -> Counts:
        zeros = torch.zeros(site.units, dtype=torch.int64)
        return Counts(site, 0, zeros.clone(), zeros.clone())

    def update(self, state: Counts, chunk: Chunk) -> None:
        x = chunk.activations  # [token unit]
        below, above = self._ends(state.site)
        saturated = torch.empty_like(x)  # as numbers, which add up faster than truth values
        # A float32 counts up to 2**24, far beyond the tokens of a chunk.
        state.left += torch.lt(x, below, out=saturated).sum(0).cpu().long()
        state.right += torch.gt(x, above, out=saturated).sum(0).cpu().long()
        state.tokens += len(chunk)

    def merge(self, a: Counts, b: Counts) -> Counts:
        return Counts(a.site, a.tokens + b.tokens, a.left + b.left, a.right + b.right)

    def compute(self, state: Counts) -> GateSaturationResult:
        below, above = self._ends(state.site)
        tokens = state.tokens or math.nan
        return GateSaturationResult(
            site=state.site.name,
            units=state.site.units,
            tokens=state.tokens,
            left_below=below,
            right_above=above,
            left=(state.left.double() / tokens).numpy(),
            right=(state.right.double() / tokens).numpy(),
        )

    def _ends(self, site: Site) -> tuple[float, float]:
        return site.low + self.margin, site.high - self.margin
