r"""For which symbols a model is ahead of a baseline, and for which behind.

found = gains(held_out, net_scores, ngram_scores[20])
found.of("\r"), found.views("LSTM", "20-gram")
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unitscope.errors import InputError
from unitscope.evidence.bootstrap import drawn, interval
from unitscope.studies.library.visualizing_rnns.held_out import DRAWS, Estimate, HeldOut
from unitscope.views import Field, Table, View

LEAST = 20
"""Occurrences below which a symbol's mean says little."""
SHOWN = 10


@dataclass(frozen=True, eq=False)
class Gains:
    """Mean probability of each symbol where it is the truth, by both, and their difference with its interval."""

    symbols: list[str]
    count: Int[np.ndarray, " symbol"]
    model: Float[np.ndarray, " symbol"]
    baseline: Float[np.ndarray, " symbol"]
    low: Float[np.ndarray, " symbol"]
    high: Float[np.ndarray, " symbol"]

    def of(self, symbol: str) -> Estimate:
        """The gain on one symbol. Raises ``InputError`` if it does not occur."""
        if symbol not in self.symbols or not self.count[self.symbols.index(symbol)]:
            raise InputError(f"{symbol!r} does not occur in the held-out text")
        at = self.symbols.index(symbol)
        return Estimate(float(self.model[at] - self.baseline[at]), float(self.low[at]), float(self.high[at]))

    def order(self, least: int = LEAST) -> list[int]:
        """Symbols that occur often enough, the largest gain first."""
        often = np.flatnonzero(self.count >= least)
        order = np.argsort(-(self.model - self.baseline)[often], kind="stable")
        return [int(at) for at in often[order]]

    def views(self, model: str, baseline: str) -> list[View]:
        """The largest gains and the largest losses."""
        order = self.order()
        ahead = [at for at in order if self.model[at] > self.baseline[at]][:SHOWN]
        behind = [at for at in order[::-1] if self.model[at] < self.baseline[at]][:SHOWN]
        note = (
            f"mean probability of the symbol where it is the truth; symbols that occur {LEAST} times or more. "
            "Intervals: bootstrap over stretches, each symbol for itself"
        )
        return [
            self._table(f"Where {model} is ahead of {baseline}", ahead, model, baseline, note),
            self._table(f"Where {model} is behind {baseline}", behind, model, baseline, note),
        ]

    def _table(self, title: str, rows: list[int], model: str, baseline: str, note: str) -> Table:
        fields = [Field("symbol", "text"), Field("occurs", "integer"), Field(model), Field(baseline)]
        fields += [Field("gain"), Field("95 %", "text")]
        cells = [
            [
                repr(self.symbols[at]),
                int(self.count[at]),
                float(self.model[at]),
                float(self.baseline[at]),
                float(self.model[at] - self.baseline[at]),
                f"{self.low[at]:+.3f} to {self.high[at]:+.3f}",
            ]
            for at in rows
        ]
        return Table(title, fields, cells, note)


def gains(
    held_out: HeldOut,
    model: Float[np.ndarray, "stretch character"],
    baseline: Float[np.ndarray, "stretch character"],
    seed: int = 0,
) -> Gains:
    """Compare the log-probabilities of two models symbol by symbol; stretches are drawn anew for the intervals."""
    symbols = len(held_out.vocabulary)
    count = by_group(held_out.targets, symbols)  # [stretch symbol]
    sums = [by_group(held_out.targets, symbols, np.exp(scores.astype(np.float64))) for scores in (model, baseline)]
    times = drawn(len(count), DRAWS, seed)  # [draw stretch]
    with np.errstate(invalid="ignore", divide="ignore"):
        differences = (times @ (sums[0] - sums[1])) / (times @ count)  # [draw symbol]
        means = [total.sum(0) / count.sum(0) for total in sums]
    low, high = interval(differences)
    whole = count.sum(0).astype(np.int64)
    return Gains(list(held_out.vocabulary.symbols), whole, means[0], means[1], low, high)


def by_group(
    group: Int[np.ndarray, "stretch character"],
    groups: int,
    values: Float[np.ndarray, "stretch character"] | None = None,
) -> Float[np.ndarray, "stretch group"]:
    """The sum of the values (or the number) of the characters of each group in each stretch; group −1 is left out."""
    made = np.zeros((len(group), groups))
    for row, (numbers, total) in enumerate(zip(group, made, strict=True)):
        inside = numbers >= 0
        weights = None if values is None else values[row, inside]
        total[:] = np.bincount(numbers[inside], weights, groups)
    return made
