"""Folds over the labels of a question: one side of the text, or as much of it as fits into memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from unitscope.analyses.sample import Sample, SampleResult
from unitscope.asking.columns import Columns
from unitscope.asking.pieces import Side
from unitscope.asking.units import Units
from unitscope.fold.analysis import Analysis
from unitscope.fold.analyze import analyze
from unitscope.progress import Progress
from unitscope.source.relabelled import Relabelled
from unitscope.source.subset import Subset

TOGETHER = 4096
"""Units whose samples are in memory at once."""


@dataclass(frozen=True, eq=False)
class Folds:
    """The source of a question with its labels."""

    source: Units
    columns: Columns
    progress: Progress

    def of(
        self,
        side: Side,
        analyses: Sequence[Analysis[Any]],
        what: str,
        sequences: Sequence[int] | None = None,
        units: Mapping[str, Int[np.ndarray, " unit"]] | None = None,
    ) -> list[dict[str, Any]]:
        """The results of each analysis by site. ``units`` are numbers in ``source``; all of it if not given."""
        seen = self.source
        if units is not None:
            seen = Units(seen.whole, {site: seen.chosen[site][numbers] for site, numbers in units.items()})
        numbers = side.sequences if sequences is None else sequences
        part = Subset(Relabelled(seen, self.columns.says(side, {})), numbers, what)
        found = analyze(part, analyses, progress=lambda _, done, total: self.progress(what, done, total))
        return [{site: found[site, analysis.key] for site in seen.chosen} for analysis in analyses]

    def first(self, side: Side, tokens: int) -> list[int]:
        """Sequences of a side in an order that has nothing to do with where they stand, up to so many tokens."""
        lengths = self.source.lengths(side.order)
        before = np.cumsum(lengths) - lengths
        return sorted(n for n, earlier in zip(side.order, before, strict=True) if earlier < tokens)

    def share(self, *numbers: Sequence[int]) -> float:
        """Share of all sequences that these are."""
        return sum(map(len, numbers)) / len(self.source.sequences)

    def samples(
        self, labels: Sequence[str], sides: tuple[Side, Side], tokens: int, what: str
    ) -> Iterator[tuple[str, SampleResult, SampleResult, float]]:
        """Site by site the tokens of both sides, some sites in one pass, and the share of all that they are."""
        numbers = [self.first(side, tokens) for side in sides]
        chosen = self.source.chosen
        waiting = list(chosen)
        while waiting:
            some = [waiting.pop(0)]
            while waiting and sum(len(chosen[site]) for site in [*some, waiting[0]]) <= TOGETHER:
                some.append(waiting.pop(0))
            units = {site: np.arange(len(chosen[site])) for site in some}
            asked = [Sample(of=tuple(labels))]
            here, there = (self.of(side, asked, what, n, units)[0] for side, n in zip(sides, numbers, strict=True))
            for site in some:
                yield site, here[site], there[site], self.share(*numbers)
