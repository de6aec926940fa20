"""Measures that need more than sums of tokens: what they keep is taken from the same read that everything else uses.

Some need which tokens a unit is highest on (formulas), some need texts (softWPMI), some need two halves of the data
(simulation). Each is a ``Keeper`` that is handed every token once, whoever asks for it and however often.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.concepts.blocks import of_units
from unitscope.concepts.pairs import Hypotheses
from unitscope.concepts.questions import Questions
from unitscope.source.chunk import Chunk
from unitscope.source.source import Over


@runtime_checkable
class Keeper(Protocol):
    """Keeps what a measure needs, in bounded memory."""

    @property
    def full(self) -> bool:
        """Nothing more is wanted."""
        ...

    def take(
        self,
        batch: int,
        sequence: Int[Tensor, " token"],
        x: Mapping[str, Float[Tensor, "token unit"]],
        y: Float[Tensor, "token hypothesis"],
    ) -> None:
        """Tokens of whole sequences of one batch: the chosen units of every site, and the labels."""
        ...

    def table(self) -> pd.DataFrame:
        """A row per site, unit, hypothesis and measure: ``value``, ``read``, ``note``."""
        ...


class Remembered:
    """Questions whose last answer is remembered: those who count and those who keep ask the same."""

    def __init__(self, whole: Questions) -> None:
        self.whole = whole
        self._last: tuple[tuple[int, ...], Tensor] | None = None

    @property
    def hypotheses(self) -> Hypotheses:
        return self.whole.hypotheses

    def labels(self, sequences: Sequence[int]) -> Float[Tensor, "token hypothesis"]:
        """The labels of sequences laid end to end."""
        key = tuple(sequences)
        if self._last is None or self._last[0] != key:
            self._last = key, self.whole.labels(key)
        return self._last[1]


@dataclass(frozen=True, eq=False)
class Watched(Over):
    """A source whose keepers see what is read. Sequences that were seen, or lack a site, are not shown to them."""

    questions: Remembered
    units: Mapping[str, Int[np.ndarray, " unit"]]
    keepers: Sequence[Keeper]
    batches: Sequence[Sequence[int]]
    seen: set[int] = field(default_factory=set)
    """Sequences that were shown."""

    @cached_property
    def _batch(self) -> Mapping[int, int]:
        return {number: at for at, numbers in enumerate(self.batches) for number in numbers}

    def _content(self) -> Sequence[str]:
        return [self.whole.fingerprint]

    @property
    def full(self) -> bool:
        """No keeper wants more."""
        return all(keeper.full for keeper in self.keepers)

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        for chunks in super().chunks(sites, labels, sequences):
            if set(self.units) <= set(chunks):
                self._show(chunks)
            yield chunks

    def _show(self, chunks: Mapping[str, Chunk]) -> None:
        first = next(iter(chunks.values()))
        sequences = torch.unique_consecutive(first.sequence).tolist()
        if not sequences or sequences[0] in self.seen or self.full:
            return
        self.seen.update(sequences)
        y = self.questions.labels(sequences)
        if any(len(chunks[name]) != len(y) for name in self.units):
            return  # steps that are no tokens: who counts says so
        x = {name: of_units(chunks[name], numbers) for name, numbers in self.units.items()}
        for keeper in self.keepers:
            if not keeper.full:
                keeper.take(self._batch[sequences[0]], first.sequence, x, y)
