"""The tokens at which each unit is largest and smallest, with the text around them.

Ten examples that are ten neighbours of one peak say little, so each stretch of text offers its own peak only and the
peaks compete. The winners do not depend on how the data were divided, and ties go to the earlier token.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
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
    """Places in the text, one row each.

    The smallest activations are the largest ones with the opposite sign. So a site of n units has 2 n sides: side u
    ranks the activations of unit u, side n + u their negatives.
    """

    side: Int[np.ndarray, " peak"]
    height: Float[np.ndarray, " peak"]
    sequence: Int[np.ndarray, " peak"]
    position: Int[np.ndarray, " peak"]
    tokens: Int[np.ndarray, "peak step"]
    """The passage; −1 outside of the sequence."""
    activations: Float[np.ndarray, "peak step"]

    def at(self, rows: Int[np.ndarray, " row"]) -> "Peaks":
        return Peaks(**{name: values[rows] for name, values in vars(self).items()})

    def keys(self) -> list[np.ndarray]:
        """For ``np.lexsort``, the weightiest last: by side, the highest first, the earliest first among equals."""
        return [self.position, self.sequence, -self.height, self.side]


@dataclass
class Extremes:
    """The best so far: ``count`` rows for each side, in any order."""

    site: Site
    vocabulary: Vocabulary | None
    best: Peaks


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
        rows = 2 * site.units * self.count
        steps = self.before + 1 + self.after
        free = Peaks(
            side=np.repeat(np.arange(2 * site.units), self.count),
            height=np.full(rows, -np.inf, np.float32),
            sequence=np.full(rows, NOWHERE),
            position=np.full(rows, NOWHERE),
            tokens=np.full((rows, steps), -1, np.int32),
            activations=np.full((rows, steps), np.nan, np.float32),
        )
        return Extremes(site, None, free)

    def update(self, state: Extremes, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        state.vocabulary = chunk.vocabulary
        stretches = [
            (first, min(first + self.stretch, end))
            for begin, end in chunk.spans()
            for first in range(begin, end, self.stretch)
        ]
        x = chunk.activations.float()  # [token unit]
        high = torch.stack([x[first:last].amax(0) for first, last in stretches])  # [stretch unit]
        low = torch.stack([x[first:last].amin(0) for first, last in stretches])
        heights = torch.cat([high, -low], 1).cpu().numpy()  # [stretch side]
        starts = torch.tensor([first for first, _ in stretches], device=x.device)
        sequence, position = chunk.sequence[starts].cpu().numpy(), chunk.position[starts].cpu().numpy()
        stretch, side = np.nonzero(self._enters(state.best, heights, sequence[:, None], position[:, None]))
        if len(side) == 0:
            return
        unit = torch.from_numpy(side % state.site.units).to(x.device)
        value = torch.from_numpy(np.where(side < state.site.units, 1, -1) * heights[stretch, side]).to(x.device)
        rows, done = [], 0
        for (first, end), found in zip(stretches, np.bincount(stretch, minlength=len(stretches)), strict=True):
            here = slice(done, done + int(found))
            done = here.stop
            if found:
                rows.append(first + _first_row(x[first:end].index_select(1, unit[here]), value[here]))
        row = torch.cat(rows)  # [peak]
        tokens, activations = self._passages(chunk, row, unit)
        self._admit(
            state.best,
            Peaks(
                side, heights[stretch, side], sequence[stretch], chunk.position[row].cpu().numpy(), tokens, activations
            ),
        )

    def merge(self, a: Extremes, b: Extremes) -> Extremes:
        best = a.best.at(np.arange(len(a.best.side)))
        self._admit(best, b.best.at(np.flatnonzero(b.best.sequence != NOWHERE)))
        return Extremes(a.site, a.vocabulary or b.vocabulary, best)

    def compute(self, state: Extremes) -> ExamplesResult:
        units, steps = state.site.units, self.before + 1 + self.after
        best = state.best.at(np.lexsort(state.best.keys()))
        found = best.sequence != NOWHERE
        # By a table of all tokens, which is many times faster than sorting the passages. −1 is its first line.
        occurs = np.zeros(int(best.tokens.max(initial=-1)) + 2, bool)
        occurs[best.tokens.ravel() + 1] = True
        used, outside = np.flatnonzero(occurs[1:]), int(occurs[0])
        tokens = (np.cumsum(occurs, dtype=np.int32) - 1)[best.tokens + 1]
        value = np.where(found, np.where(best.side < units, best.height, -best.height), np.nan)
        value = value.reshape(2, units, self.count)
        low, high = _scale(state.site, value)
        return ExamplesResult(
            site=state.site.name,
            units=units,
            symbols=state.vocabulary.decode(used.tolist()) if state.vocabulary else [],
            before=self.before,
            value=value,
            sequence=np.where(found, best.sequence, -1).reshape(value.shape),
            position=np.where(found, best.position, -1).reshape(value.shape),
            tokens=(tokens - outside).reshape(*value.shape, steps),
            activations=best.activations.reshape(*value.shape, steps),
            low=low,
            high=high,
        )

    def _enters(
        self,
        best: Peaks,
        heights: Float[np.ndarray, "stretch side"],
        sequence: Int[np.ndarray, "stretch 1"],
        position: Int[np.ndarray, "stretch 1"],
    ) -> Bool[np.ndarray, "stretch side"]:
        """Which peaks may beat the worst of their side's best. Stretches are told by where they begin."""
        height, seq, pos = (v.reshape(-1, self.count) for v in (best.height, best.sequence, best.position))
        worst = height.min(1)  # [side]
        equal = heights == worst
        if equal.any():  # the earlier token wins
            last = np.where(height == worst[:, None], seq, -1).max(1)
            latest = np.where((height == worst[:, None]) & (seq == last[:, None]), pos, -1).max(1)
            equal &= (sequence < last) | ((sequence == last) & (position <= latest))
        enters: Bool[np.ndarray, "stretch side"] = equal | (heights > worst)
        return enters

    def _passages(
        self, chunk: Chunk, row: Int[Tensor, " peak"], unit: Int[Tensor, " peak"]
    ) -> tuple[Int[np.ndarray, "peak step"], Float[np.ndarray, "peak step"]]:
        """Tokens and the unit's activations around each row, as far as the sequence goes."""
        around = row[:, None] + torch.arange(-self.before, self.after + 1, device=row.device)  # [peak step]
        exists = (around >= 0) & (around < len(chunk))
        around = around.clamp(0, len(chunk) - 1)
        exists &= chunk.sequence[around] == chunk.sequence[row, None]
        tokens = torch.where(exists, chunk.tokens[around].int(), -1)
        activations = torch.where(exists, chunk.activations[around, unit[:, None]].float(), torch.nan)
        return tokens.cpu().numpy(), activations.cpu().numpy()

    def _admit(self, best: Peaks, new: Peaks) -> None:
        """Leave the best ``count`` of each side among both in ``best``: new ones take the rows of those they beat."""
        new = new.at(np.argsort(new.side, kind="stable"))
        sides, first, times = np.unique(new.side, return_index=True, return_counts=True)  # only these are looked at
        row = np.repeat(np.arange(len(sides)), times)
        slot = np.arange(len(new.side)) - np.repeat(first, times)
        old = best.height.reshape(-1, self.count)[sides]  # [row rank]
        heights = np.full((len(sides), self.count + int(times.max(initial=0))), -np.inf, np.float32)
        heights[:, : self.count] = old
        heights[row, self.count + slot] = new.height
        worst = np.partition(heights, -self.count, axis=1)[:, -self.count, None]  # of those that stay, [row 1]
        # Equal heights are decided by their places, which a partition does not see; free places are all alike.
        free = (old == -np.inf) & (worst == -np.inf)
        roomy = worst[:, 0] == -np.inf
        decided = roomy | ((heights >= worst).sum(1) == self.count)
        beaten = (free & (np.cumsum(free, axis=1) <= times[:, None])) | (old < worst)
        beaten &= decided[:, None]
        entering = decided[row] & (new.height >= worst[row, 0])
        left = (sides[:, None] * self.count + np.arange(self.count))[beaten]
        self._replace(best, left, new.at(np.flatnonzero(entering)))
        if not decided.all():
            self._admit_equals(best, sides[~decided], new.at(np.flatnonzero(~decided[row])))

    def _admit_equals(self, best: Peaks, sides: Int[np.ndarray, " side"], new: Peaks) -> None:
        """The same by sorting, for sides where the earlier of equal heights wins."""
        rows = (sides[:, None] * self.count + np.arange(self.count)).ravel()
        keys = [np.concatenate([mine[rows], others]) for mine, others in zip(best.keys(), new.keys(), strict=True)]
        order = np.lexsort(keys)
        side = keys[-1][order]
        rank = np.arange(len(order)) - np.searchsorted(side, side)
        beaten = np.zeros(len(order), bool)
        beaten[order[rank >= self.count]] = True
        self._replace(best, rows[beaten[: len(rows)]], new.at(np.flatnonzero(~beaten[len(rows) :])))

    def _replace(self, best: Peaks, left: Int[np.ndarray, " peak"], entering: Peaks) -> None:
        """Of each side as many enter as are beaten; both are in the order of their sides."""
        for name, values in vars(best).items():
            values[left] = vars(entering)[name]


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
