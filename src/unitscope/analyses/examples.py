"""The tokens at which each unit is largest and smallest, with the text around them.

Ten examples that are ten neighbours of one peak say little, so each stretch of text offers its own peak only and the
peaks compete. The winners do not depend on how the data were divided, and ties go to the earlier token.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Table, TokenText, View

NOWHERE = np.iinfo(np.int64).max
"""The sequence of a place that is still free: the last in every order."""
LOOKED_AT = 2**17
"""Activations that are looked at together to find where some peaks are: what a processor's cache can hold."""


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

    def at(self, rows: np.ndarray | slice) -> "Peaks":
        return Peaks(**{name: values[rows] for name, values in vars(self).items()})

    def keys(self) -> list[np.ndarray]:
        """For ``np.lexsort``, the weightiest last: by side, the highest first, the earliest first among equals."""
        return [self.position, self.sequence, -self.height, self.side]


@dataclass
class Extremes:
    """The best so far: ``count`` rows for each side, side by side, the rows of a side in any order."""

    site: Site
    vocabulary: Vocabulary | None
    best: Peaks
    tokens: Int[np.ndarray, "place side step"]
    """The passage around each; −1 outside of the sequence. Undefined where the place is still free: those of a short
    text, which lie at the end, take no memory."""
    activations: Float[np.ndarray, "place side step"]

    def at(self, rows: Int[np.ndarray, " peak"]) -> tuple[np.ndarray, np.ndarray]:
        """Where the passages of these rows of ``best`` lie: place and side."""
        count = len(self.tokens)
        return (rows % count, rows // count) if count else (rows, rows)


@dataclass(frozen=True, eq=False)
class ExamplesResult(Result):
    """Axis ``end``: 0 for the largest, 1 for the smallest. Rank 0 is the most extreme; there are no more ranks than
    stretches of text."""

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
            places: dict[bytes, list[int]] = {}  # the same text is shown once
            for rank in np.flatnonzero(~np.isnan(self.value[end, unit])).tolist():
                places.setdefault(self.tokens[end, unit, rank].tobytes(), []).append(rank)
            for rank, *again in places.values():
                there = self.tokens[end, unit, rank] >= 0
                mark = int(there[: self.before].sum())
                pictures.append(
                    TokenText(
                        title=f"{name} {rank + 1}: {self.value[end, unit, rank]:.4g}",
                        tokens=[self.symbols[token] for token in self.tokens[end, unit, rank][there]],
                        values=self.activations[end, unit, rank][there].tolist(),
                        mark=mark,
                        note=f"one of {1 + len(again)} places with this text" if again else "",
                        at=(int(self.sequence[end, unit, rank]), int(self.position[end, unit, rank]) - mark),
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

    The largest and smallest activations of each unit, with the text around them. Each stretch of some tokens
    of a sequence takes part with its most extreme token only, so that the examples come from different places.
    """

    count: int = field(default=10, metadata={"help": "examples of either kind for each unit"})
    before: int = field(default=30, metadata={"help": "tokens shown before the extreme"})
    after: int = field(default=15, metadata={"help": "tokens shown after it"})
    stretch: int = field(default=1024, metadata={"help": "tokens of a sequence that give one example at most"})

    def start(self, site: Site, given: Given) -> Extremes:
        rows = 2 * site.units * self.count
        free = Peaks(
            side=np.repeat(np.arange(2 * site.units), self.count),
            height=np.full(rows, -np.inf, np.float32),
            sequence=np.full(rows, NOWHERE),
            position=np.full(rows, NOWHERE),
        )
        shape = (self.count, 2 * site.units, self.before + 1 + self.after)
        return Extremes(site, None, free, np.zeros(shape, np.int32), np.zeros(shape, np.float32))

    def update(self, state: Extremes, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        state.vocabulary = chunk.vocabulary
        spans = chunk.spans()
        begin, end, first, nth = np.array(
            [(*span, first, n) for n, span in enumerate(spans) for first in range(*span, self.stretch)]
        ).T  # each [stretch]
        last = np.minimum(first + self.stretch, end)
        stretches = list(zip(first.tolist(), last.tolist(), strict=True))
        x = chunk.activations.float()  # [token unit]
        high = torch.stack([x[first:last].amax(0) for first, last in stretches])  # [stretch unit]
        low = torch.stack([x[first:last].amin(0) for first, last in stretches])
        heights = torch.cat([high, -low], 1).cpu().numpy()  # [stretch side]
        starts = torch.from_numpy(first).to(x.device)
        sequence, position = chunk.sequence[starts].cpu().numpy(), chunk.position[starts].cpu().numpy()
        stretch, side = np.nonzero(self._enters(state.best, heights, sequence[:, None], position[:, None]))
        # Among peaks of different stretches the beginnings of these say which is the earlier.
        peaks = Peaks(side, heights[stretch, side], sequence[stretch], position[stretch])
        left, entering = self._exchanged(state.best, peaks)
        if len(left) == 0:
            return
        order = np.argsort(stretch[entering], kind="stable")
        left, stretch, peaks = left[order], stretch[entering][order], peaks.at(entering[order])
        tokens = self._windows(chunk.tokens.int().cpu().numpy(), spans)
        gap = self.before + (self.before + self.after) * nth  # a sequence's rows among the windows come so much later
        for here in _blocks(stretch, first, last):
            there = stretch[here]
            within = np.stack([first, last, begin, end])[:, there]
            row, passages = self._passages(x, peaks.at(here), within)
            place = state.at(left[here])
            state.activations[place] = passages
            state.tokens[place] = tokens[row + gap[there] - self.before]
            peaks.position[here] += row - first[there]
        self._replace(state.best, left, peaks)

    def merge(self, a: Extremes, b: Extremes) -> Extremes:
        own = a.best.at(np.arange(len(a.best.side)))
        whole = Extremes(a.site, a.vocabulary or b.vocabulary, own, a.tokens.copy(), a.activations.copy())
        found = np.flatnonzero(b.best.sequence != NOWHERE)
        peaks = b.best.at(found)
        left, entering = self._exchanged(whole.best, peaks)
        self._replace(whole.best, left, peaks.at(entering))
        to, taken = whole.at(left), b.at(found[entering])
        whole.tokens[to], whole.activations[to] = b.tokens[taken], b.activations[taken]
        return whole

    def compute(self, state: Extremes) -> ExamplesResult:
        units, steps = state.site.units, self.before + 1 + self.after
        # Within each side, whose rows are neighbours: several times faster than to sort all of them.
        within = np.lexsort([key.reshape(2 * units, self.count) for key in state.best.keys()[:-1]], axis=1)
        filled = (state.best.sequence != NOWHERE).reshape(2 * units, self.count).sum(1)
        ranks = int(max(1, filled.max(initial=0)))  # of a short text less than were asked for
        order = (within[:, :ranks] + self.count * np.arange(2 * units)[:, None]).ravel()
        best = state.best.at(order)
        found = best.sequence != NOWHERE
        there = state.at(order[found])
        passages = torch.from_numpy(state.tokens[there] + 1)  # [found step]; 0 outside of the sequence
        # By a table of all tokens, which is many times faster than sorting the passages.
        occurs = torch.bincount(passages.view(-1), minlength=1).numpy() > 0
        occurs[0] = False
        table = torch.from_numpy(np.cumsum(occurs, dtype=np.int32) - 1)
        table[0] = -1
        tokens = np.full((len(order), steps), -1, np.int32)
        activations = np.full((len(order), steps), np.nan, np.float32)
        tokens[found] = table.index_select(0, passages.view(-1)).view(passages.shape).numpy()
        activations[found] = state.activations[there]
        value = np.where(found, np.where(best.side < units, best.height, -best.height), np.nan)
        value = value.reshape(2, units, ranks)
        return ExamplesResult(
            site=state.site.name,
            units=units,
            symbols=state.vocabulary.decode((np.flatnonzero(occurs) - 1).tolist()) if state.vocabulary else [],
            before=self.before,
            value=value,
            sequence=np.where(found, best.sequence, -1).reshape(value.shape),
            position=np.where(found, best.position, -1).reshape(value.shape),
            tokens=tokens.reshape(*value.shape, steps),
            activations=activations.reshape(*value.shape, steps),
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

    def _windows(
        self, tokens: Int[np.ndarray, " token"], spans: list[tuple[int, int]]
    ) -> Int[np.ndarray, "place step"]:
        """The tokens around every place of sequences that have room between them: −1 outside of a sequence."""
        room = self.before + self.after
        laid = np.full(len(tokens) + room * (len(spans) + 1), -1, np.int32)
        for n, (begin, end) in enumerate(spans):
            place = begin + self.before + room * n
            laid[place : place + end - begin] = tokens[begin:end]
        return np.lib.stride_tricks.sliding_window_view(laid, room + 1)

    def _passages(
        self, x: Float[Tensor, "token unit"], peaks: Peaks, within: Int[np.ndarray, "4 peak"]
    ) -> tuple[Int[np.ndarray, " peak"], Float[np.ndarray, "peak step"]]:
        """The row of each peak, and the unit's activations around it: NaN where its sequence has no such step.

        ``within`` are the rows at which its stretch and its sequence begin and end.
        """
        alone = int(within[2].min()) == int(within[2].max())  # all are of one sequence
        start, stop = (int(within[2][0]), int(within[3][0])) if alone else (0, len(x))
        low, high = max(start, int(within[0].min()) - self.before), min(stop, int(within[1].max()) + self.after)
        unit, line = np.unique(peaks.side % x.shape[1], return_inverse=True)
        some = x[low:high]
        if len(unit) < x.shape[1]:
            some = some.index_select(1, torch.from_numpy(unit).to(x.device))
        # A line for each unit with room at both ends: so a passage is one run of it.
        lines = np.full((len(unit), self.before + high - low + self.after), np.nan, np.float32)  # [unit token]
        lines[:, self.before : self.before + high - low] = some.T.contiguous().cpu().numpy()
        value = np.where(peaks.side < x.shape[1], peaks.height, -peaks.height)[:, None]
        low_row, high_row = within[0].min(), within[1].max()
        there = lines[line, self.before + low_row - low : self.before + high_row - low] == value  # [peak token]
        if len(set(within[0].tolist())) > 1:  # of several stretches: a value may occur in another one too
            step = np.arange(low_row, high_row)
            there &= (step >= within[0][:, None]) & (step < within[1][:, None])
        row = low_row + there.argmax(1)  # the first, [peak]
        windows = np.lib.stride_tricks.sliding_window_view(lines, self.before + 1 + self.after, axis=1)
        passages = windows[line, row - low]  # [peak step]
        if not alone:
            step = np.arange(-self.before, self.after + 1)
            begin, end = within[2:, :, None] - row[:, None]
            passages[(step < begin) | (step >= end)] = np.nan
        return row, passages

    def _exchanged(self, best: Peaks, new: Peaks) -> tuple[Int[np.ndarray, " peak"], Int[np.ndarray, " peak"]]:
        """Rows of ``best`` that are beaten, and the rows of ``new`` that take their places, in turn."""
        order = np.argsort(new.side, kind="stable")
        new = new.at(order)
        sides, first, times = np.unique(new.side, return_index=True, return_counts=True)  # only these are looked at
        row = np.repeat(np.arange(len(sides)), times)
        slot = np.arange(len(new.side)) - np.repeat(first, times)
        old = best.height.reshape(-1, self.count)[sides]  # [row rank]
        free = old == -np.inf
        if times.max(initial=0) == 1 and free.any(1).all():  # there is room for each
            return sides * self.count + free.argmax(1), order
        heights = np.full((len(sides), self.count + int(times.max(initial=0))), -np.inf, np.float32)
        heights[:, : self.count] = old
        heights[row, self.count + slot] = new.height
        worst = np.partition(heights, -self.count, axis=1)[:, -self.count, None]  # of those that stay, [row 1]
        # Equal heights are decided by their places, which a partition does not see; free places are all alike.
        free &= worst == -np.inf
        roomy = worst[:, 0] == -np.inf
        decided = roomy | ((heights >= worst).sum(1) == self.count)
        beaten = (free & (np.cumsum(free, axis=1) <= times[:, None])) | (old < worst)
        beaten &= decided[:, None]
        entering = np.flatnonzero(decided[row] & (new.height >= worst[row, 0]))
        left = (sides[:, None] * self.count + np.arange(self.count))[beaten]
        if not decided.all():
            among = np.flatnonzero(~decided[row])
            more = self._exchanged_equals(best, sides[~decided], new.at(among))
            left, entering = np.concatenate([left, more[0]]), np.concatenate([entering, among[more[1]]])
        return left, order[entering]

    def _exchanged_equals(
        self, best: Peaks, sides: Int[np.ndarray, " side"], new: Peaks
    ) -> tuple[Int[np.ndarray, " peak"], Int[np.ndarray, " peak"]]:
        """The same by sorting, for sides where the earlier of equal heights wins."""
        rows = (sides[:, None] * self.count + np.arange(self.count)).ravel()
        keys = [np.concatenate([mine[rows], others]) for mine, others in zip(best.keys(), new.keys(), strict=True)]
        order = np.lexsort(keys)
        side = keys[-1][order]
        rank = np.arange(len(order)) - np.searchsorted(side, side)
        beaten = np.zeros(len(order), bool)
        beaten[order[rank >= self.count]] = True
        return rows[beaten[: len(rows)]], np.flatnonzero(~beaten[len(rows) :])

    def _replace(self, best: Peaks, left: Int[np.ndarray, " peak"], entering: Peaks) -> None:
        """Replace beaten entries on each side, one for one; both are in the order of their sides."""
        for name, values in vars(best).items():
            values[left] = vars(entering)[name]


def _blocks(
    stretch: Int[np.ndarray, " peak"], first: Int[np.ndarray, " stretch"], last: Int[np.ndarray, " stretch"]
) -> Iterator[slice]:
    """Peaks of neighbouring stretches, together as long as what has to be looked at for them stays small."""
    begin = 0
    while begin < len(stretch):
        together = np.arange(stretch[begin], stretch[-1] + 1)
        ends = np.searchsorted(stretch, together, side="right")
        looked_at = (last[together] - first[together[0]]) * (ends - begin)
        end = int(ends[max(0, int(np.searchsorted(looked_at, LOOKED_AT, side="right")) - 1)])
        yield slice(begin, end)
        begin = end
