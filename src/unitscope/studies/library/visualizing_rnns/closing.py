"""Prediction of a closing bracket, by the distance to its opening: the brace case of the paper.

    found = closing(held_out, {"lstm": net_scores, "20-gram": ngram_scores[20]})
    found.views("lstm", "20-gram")

Brackets are matched within a stretch, in the text as it stands; one that was opened before its stretch is left out.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unitscope.errors import InputError
from unitscope.evidence.bootstrap import drawn, interval
from unitscope.studies.library.visualizing_rnns.gains import by_group
from unitscope.studies.library.visualizing_rnns.held_out import DRAWS, Estimate, HeldOut
from unitscope.views import Field, Lines, Series, Table, View

EDGES = (0, 20, 40, 60, 80, 100, 150, 200, 400, 1000)
"""Characters from the opening bracket to the closing one, at which a new bin begins."""


@dataclass(frozen=True, eq=False)
class Closing:
    """Mean probability of the closing bracket, by distance and model."""

    opening: str
    closing: str
    edges: Sequence[int]
    count: Int[np.ndarray, " bin"]
    unmatched: int
    """Closing brackets that were opened before their stretch, or are too far away."""
    means: Mapping[str, Float[np.ndarray, " bin"]]
    low: Mapping[str, Float[np.ndarray, " bin"]]
    high: Mapping[str, Float[np.ndarray, " bin"]]
    drawn: Mapping[str, Float[np.ndarray, "draw bin"]]
    """The same in every draw of the bootstrap."""

    def gain(self, model: str, baseline: str) -> list[Estimate]:
        """Lead of a model over another, in each bin."""
        difference = self.drawn[model] - self.drawn[baseline]
        low, high = interval(difference)
        mean = self.means[model] - self.means[baseline]
        return [Estimate(*map(float, three)) for three in zip(mean, low, high, strict=True)]

    def views(self, model: str, baseline: str) -> list[View]:
        """The probability by distance, and the gain of one model over another."""
        middles = [(a + b) / 2 for a, b in itertools.pairwise(self.edges)]
        known = np.flatnonzero(self.count)
        x = [middles[at] for at in known]
        series = [
            Series(name, mean[known].tolist(), self.low[name][known].tolist(), self.high[name][known].tolist())
            for name, mean in self.means.items()
        ]
        gain = self.gain(model, baseline)
        ahead = Series(
            f"{model} − {baseline}",
            [gain[at].mean for at in known],
            [gain[at].low for at in known],
            [gain[at].high for at in known],
        )
        what = f"{self.closing} by the distance to its {self.opening}"
        note = "bands: 95 %, bootstrap over stretches"
        fields = [Field("distance", "text"), Field("cases", "integer"), *map(Field, self.means), Field("gain")]
        fields.append(Field("95 %", "text"))
        bins = list(itertools.pairwise(self.edges))
        rows = [
            [
                f"{bins[at][0]} to {bins[at][1]}",
                int(self.count[at]),
                *(float(mean[at]) for mean in self.means.values()),
                gain[at].mean,
                f"{gain[at].low:+.3f} to {gain[at].high:+.3f}",
            ]
            for at in known
        ]
        return [
            Lines(f"Probability of {what}", x, series, "characters", "mean probability", note),
            Lines(f"Gain on {what}", x, [ahead], "characters", "difference of probabilities", note),
            Table(f"Probability of {what}", fields, rows, f"{self.unmatched} were opened elsewhere"),
        ]


def closing(
    held_out: HeldOut,
    scores: Mapping[str, Float[np.ndarray, "stretch character"]],
    opening: str = "{",
    closing: str = "}",
    edges: Sequence[int] = EDGES,
    seed: int = 0,
) -> Closing:
    """Raises ``InputError`` for a text whose symbols lack these brackets."""
    ids = held_out.vocabulary.ids
    if opening not in ids or closing not in ids:
        raise InputError(f"the text has no {opening} or no {closing}")
    group = np.full(held_out.targets.shape, -1)
    unmatched = 0
    for row, stretch in enumerate(held_out.ids):
        stack: list[int] = []
        for place in np.flatnonzero((stretch == ids[opening]) | (stretch == ids[closing])).tolist():
            if stretch[place] == ids[opening]:
                stack.append(place)
                continue
            at = int(np.searchsorted(edges, place - stack.pop(), side="right")) - 1 if stack else -1
            if 0 <= at < len(edges) - 1 and place:
                group[row, place - 1] = at
            else:
                unmatched += 1
    bins = len(edges) - 1
    count = by_group(group, bins)  # [stretch bin]
    times = drawn(len(count), DRAWS, seed)
    means, low, high, every = {}, {}, {}, {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for name, values in scores.items():
            sums = by_group(group, bins, np.exp(values.astype(np.float64)))
            means[name] = sums.sum(0) / count.sum(0)
            every[name] = (times @ sums) / (times @ count)
            low[name], high[name] = interval(every[name])
    return Closing(opening, closing, edges, count.sum(0).astype(np.int64), unmatched, means, low, high, every)
