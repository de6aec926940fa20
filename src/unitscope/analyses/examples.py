"""The tokens at which each unit is largest and smallest, with the text around them.

Ten examples that are ten neighbours of one peak say little, so each stretch of text offers its own peak only and the
peaks compete. The winners do not depend on how the data were divided, and ties go to the earlier token.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.analysis import Analysis
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.site import Site
from unitscope.recording.chunk import Chunk
from unitscope.result import Column, Result
from unitscope.view import Field, Table, TokenText, View

NOWHERE = np.iinfo(np.int64).max
"""The sequence of a place that is still free: the last in every order."""


@dataclass(frozen=True)
class Peaks:
    """Places in the text, one row each: with ``unit``, the axes of a state are ``[unit rank]``, flattened."""

    value: Float[np.ndarray, " peak"]
    """What is ranked: the activation, or its negative for the smallest."""
    unit: Int[np.ndarray, " peak"]
    sequence: Int[np.ndarray, " peak"]
    position: Int[np.ndarray, " peak"]
    tokens: Int[np.ndarray, "peak step"]
    """The passage; −1 outside of the sequence."""
    activations: Float[np.ndarray, "peak step"]

    def at(self, rows: Int[np.ndarray, " row"]) -> "Peaks":
        return Peaks(**{name: values[rows] for name, values in vars(self).items()})

    def followed_by(self, other: "Peaks") -> "Peaks":
        return Peaks(**{name: np.concatenate([values, vars(other)[name]]) for name, values in vars(self).items()})

    def order(self) -> Int[np.ndarray, " peak"]:
        """By unit, the best first."""
        return np.lexsort((self.position, self.sequence, -self.value, self.unit))


@dataclass
class Extremes:
    """The best so far: ``count`` rows for each unit, in order, for the largest and the smallest activations."""

    site: Site
    vocabulary: Vocabulary | None
    best: tuple[Peaks, ...]


@dataclass(frozen=True, eq=False)
class ExamplesResult(Result):
    """Axis ``end``: 0 for the largest, 1 for the smallest. Rank 0 is the most extreme."""

    symbols: list[str]
    """What the numbers in ``tokens`` stand for."""
    before: int
    """Index of the extreme in its passage."""
    value: Float[np.ndarray, "end unit rank"]
    """NaN where there are fewer stretches of text than examples asked for."""
    sequence: Int[np.ndarray, "end unit rank"]
    position: Int[np.ndarray, "end unit rank"]
    tokens: Int[np.ndarray, "end unit rank step"]
    """Index of a symbol; −1 outside of the sequence."""
    activations: Float[np.ndarray, "end unit rank step"]
    low: Float[np.ndarray, " unit"]
    high: Float[np.ndarray, " unit"]
    """The scale of colours: the site's bounds, or the unit's largest absolute value on either side of 0."""

    def columns(self) -> list[Column]:
        return [
            Column("largest", self.value[0, :, 0], "largest activation"),
            Column("smallest", self.value[1, :, 0], "smallest activation"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        if unit is None:
            fields = [Field("unit", "unit")]
            for name in ("largest", "smallest"):
                fields += [Field(name), Field(f"where {name}", "text", "the text before, and the token in ⟦brackets⟧")]
            rows: list[list[Any]] = [[f"{self.site}/{u}"] for u in range(self.units)]
            for end in (0, 1):
                for row, u in zip(rows, range(self.units), strict=True):
                    row += [float(self.value[end, u, 0]), self._before(end, u)]
            return [Table("Where each unit is largest and smallest", fields, rows)]
        pictures: list[View] = []
        for end, name in enumerate(("Largest", "Smallest")):
            for rank in np.flatnonzero(~np.isnan(self.value[end, unit])):
                there = self.tokens[end, unit, rank] >= 0
                pictures.append(
                    TokenText(
                        title=f"{name} {rank + 1}: {self.value[end, unit, rank]:.4g}",
                        tokens=[self.symbols[token] for token in self.tokens[end, unit, rank][there]],
                        values=self.activations[end, unit, rank][there].tolist(),
                        low=float(self.low[unit]),
                        high=float(self.high[unit]),
                        mark=int(there[: self.before].sum()),
                        note=f"sequence {self.sequence[end, unit, rank]}, token {self.position[end, unit, rank]}",
                    )
                )
        return pictures

    def _before(self, end: int, unit: int) -> str:
        """The most extreme token with what the model read before it."""
        if np.isnan(self.value[end, unit, 0]):
            return ""
        *context, token = (self.symbols[t] for t in self.tokens[end, unit, 0, : self.before + 1] if t >= 0)
        return f"{''.join(context)}⟦{token}⟧"


@dataclass(frozen=True)
class Examples(Analysis[Extremes]):
    """Examples.

    The largest and smallest activations of each unit, with the text around them. Each stretch of ``stretch`` tokens
    of a sequence takes part with its most extreme token only, so that the examples come from different places.
    """

    count: int = field(default=10, metadata={"help": "examples of either kind for each unit"})
    before: int = field(default=30, metadata={"help": "tokens shown before the extreme"})
    after: int = field(default=15, metadata={"help": "tokens shown after it"})
    stretch: int = field(default=1024, metadata={"help": "tokens of a sequence that give one example at most"})

    def start(self, site: Site, given: Mapping[str, Any]) -> Extremes:
        places = site.units * self.count
        steps = self.before + 1 + self.after
        free = Peaks(
            value=np.full(places, -np.inf, np.float32),
            unit=np.repeat(np.arange(site.units), self.count),
            sequence=np.full(places, NOWHERE),
            position=np.full(places, NOWHERE),
            tokens=np.full((places, steps), -1, np.int32),
            activations=np.full((places, steps), np.nan, np.float32),
        )
        return Extremes(site, None, (free, free.at(np.arange(places))))

    def update(self, state: Extremes, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        state.vocabulary = chunk.vocabulary
        stretches = [
            (first, min(first + self.stretch, end))
            for begin, end in chunk.spans()
            for first in range(begin, end, self.stretch)
        ]
        chunk = replace(chunk, activations=chunk.activations.float())
        largest = torch.stack([chunk.activations[first:last].amax(0) for first, last in stretches])  # [stretch unit]
        smallest = torch.stack([chunk.activations[first:last].amin(0) for first, last in stretches])
        high, low = state.best
        self._admit(high, self._entering(high, chunk, stretches, largest, sign=1))
        self._admit(low, self._entering(low, chunk, stretches, smallest, sign=-1))

    def merge(self, a: Extremes, b: Extremes) -> Extremes:
        best = tuple(best.at(np.arange(len(best.value))) for best in a.best)
        for mine, others in zip(best, b.best, strict=True):
            self._admit(mine, others)
        return Extremes(a.site, a.vocabulary or b.vocabulary, best)

    def compute(self, state: Extremes) -> ExamplesResult:
        shape = (2, state.site.units, self.count)
        steps = self.before + 1 + self.after
        high, low = state.best
        both = high.followed_by(replace(low, value=-low.value))
        found = both.sequence != NOWHERE
        used, tokens = np.unique(both.tokens, return_inverse=True)
        outside = int(np.searchsorted(used, 0))  # 1 where −1 is among the tokens that occur
        value = np.where(found, both.value, np.nan).reshape(shape)
        bounds = _scale(state.site, value)
        return ExamplesResult(
            site=state.site.name,
            units=state.site.units,
            symbols=state.vocabulary.decode(used[outside:].tolist()) if state.vocabulary else [],
            before=self.before,
            value=value,
            sequence=np.where(found, both.sequence, -1).reshape(shape),
            position=np.where(found, both.position, -1).reshape(shape),
            tokens=(tokens - outside).astype(np.int32).reshape(*shape, steps),
            activations=both.activations.reshape(*shape, steps),
            low=bounds[0],
            high=bounds[1],
        )

    def _entering(
        self,
        best: Peaks,
        chunk: Chunk,
        stretches: Sequence[tuple[int, int]],
        peaks: Float[Tensor, "stretch unit"],
        sign: int,
    ) -> Peaks:
        """The peaks that beat the last of their unit's best, with their passages."""
        device = peaks.device
        # Value, sequence and position of the last place of each unit; at equal values the earlier token wins.
        last = best.at(np.arange(self.count - 1, len(best.value), self.count))
        value = sign * torch.from_numpy(last.value).to(device)
        sequence, position = torch.from_numpy(last.sequence).to(device), torch.from_numpy(last.position).to(device)
        first_row = torch.tensor([first for first, _ in stretches], device=device)
        own_sequence, own_position = chunk.sequence[first_row, None], chunk.position[first_row, None]
        earlier = (own_sequence < sequence) | ((own_sequence == sequence) & (own_position <= position))
        beats = peaks > value if sign > 0 else peaks < value
        stretch, unit = torch.nonzero(beats | ((peaks == value) & earlier), as_tuple=True)  # both [peak]
        value = peaks[stretch, unit]
        row = torch.empty_like(unit)
        done = 0
        for (first, end), found in zip(stretches, stretch.bincount(minlength=len(stretches)).tolist(), strict=True):
            if found:
                here = slice(done, done + found)
                row[here] = first + _first_row(chunk.activations[first:end].index_select(1, unit[here]), value[here])
                done += found

        around = row[:, None] + torch.arange(-self.before, self.after + 1, device=device)  # [peak step]
        exists = (around >= 0) & (around < len(chunk))
        around = around.clamp(0, len(chunk) - 1)
        exists &= chunk.sequence[around] == chunk.sequence[row, None]
        return Peaks(
            value=(sign * value).cpu().numpy(),
            unit=unit.cpu().numpy(),
            sequence=chunk.sequence[row].cpu().numpy(),
            position=chunk.position[row].cpu().numpy(),
            tokens=torch.where(exists, chunk.tokens[around].int(), -1).cpu().numpy(),
            activations=torch.where(exists, chunk.activations[around, unit[:, None]], torch.nan).cpu().numpy(),
        )

    def _admit(self, best: Peaks, new: Peaks) -> None:
        """Leave the best ``count`` of each unit among both in ``best``."""
        new = new.at(np.flatnonzero(new.sequence != NOWHERE))
        units = np.unique(new.unit)  # only these are looked at
        places = (units[:, None] * self.count + np.arange(self.count)).ravel()
        both = best.at(places).followed_by(new)
        order = both.order()
        start = np.searchsorted(both.unit[order], units)  # [unit]
        kept = both.at(order[(start[:, None] + np.arange(self.count)).ravel()])
        for name, values in vars(best).items():
            values[places] = vars(kept)[name]


def _first_row(x: Float[Tensor, "step peak"], value: Float[Tensor, " peak"]) -> Int[Tensor, " peak"]:
    """The first step at which each column has its value."""
    countdown = torch.arange(len(x), 0, -1, device=x.device, dtype=x.dtype)[:, None]
    return len(x) - torch.eq(x, value, out=torch.empty_like(x)).mul_(countdown).amax(0).long()


def _scale(site: Site, value: Float[np.ndarray, "end unit rank"]) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the colour scale of each unit."""
    if math.isfinite(site.low) and math.isfinite(site.high):
        return np.full(site.units, site.low), np.full(site.units, site.high)
    largest = np.nan_to_num(np.abs(value).max((0, 2), initial=0.0, where=~np.isnan(value)))
    return -largest, largest
