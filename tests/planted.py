"""Sources whose every unit is known, because they are made of tensors."""

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.fold.analysis import Analysis
from unitscope.models.site import Site
from unitscope.result import Result
from unitscope.source.chunk import Chunk

LETTERS = Vocabulary(tuple(string.ascii_lowercase))


@dataclass(frozen=True)
class Planted:
    """A source of given activations, ``[token unit]`` for each site, cut into sequences of given lengths.

    Token t is the letter number t modulo 26 unless tokens are given. ``batch`` sequences make a chunk.
    """

    activations: Mapping[Site, Tensor]
    lengths: Sequence[int]
    tokens: Tensor | None = None
    token_labels: Mapping[str, Tensor] = field(default_factory=dict)
    vocabulary: Vocabulary = LETTERS
    batch: int = 2
    name: str = "planted"
    fingerprint: str = "planted"

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(self.activations)

    @property
    def sequences(self) -> Sequence[int]:
        return range(len(self.lengths))

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        wanted = self.sequences if sequences is None else sequences
        for first in range(0, len(wanted), self.batch):
            numbers = wanted[first : first + self.batch]
            yield {site.name: self.chunk(site, numbers, labels) for site in self.sites if site.name in sites}

    def chunk(self, site: Site, sequences: Sequence[int], labels: Sequence[str] = ()) -> Chunk:
        """These sequences of one site."""
        ends = torch.tensor(self.lengths).cumsum(0)
        rows = [torch.arange(int(ends[n]) - self.lengths[n], int(ends[n])) for n in sequences]
        every = torch.cat(rows) if rows else torch.empty(0, dtype=torch.int64)
        tokens = torch.arange(sum(self.lengths)) % len(self.vocabulary) if self.tokens is None else self.tokens
        return Chunk(
            activations=self.activations[site][every],
            tokens=tokens[every],
            sequence=torch.cat([torch.full_like(row, n) for row, n in zip(rows, sequences, strict=True)] or [every]),
            position=torch.cat([torch.arange(len(row)) for row in rows] or [every]),
            labels={name: self.token_labels[name][every] for name in labels},
            vocabulary=self.vocabulary,
        )

    def labels(self, name: str, sequence: int) -> Tensor:
        start = sum(self.lengths[:sequence])
        return self.token_labels[name][start : start + self.lengths[sequence]]

    def describe(self) -> dict[str, str]:
        return {"source": "made of tensors"}


def one_site(
    activations: Tensor, lengths: Sequence[int] | None = None, low: float = -1.0, high: float = 1.0, **more: Any
) -> Planted:
    """A source with the single site ``planted``, one sequence unless ``lengths`` are given."""
    site = Site("planted", activations.shape[1], low, high)
    return Planted({site: activations}, lengths or [len(activations)], **more)


def fold(analysis: Analysis[Any], source: Planted, given: Mapping[str, Result] | None = None) -> Any:
    """The result of one analysis for the first site of a source."""
    site = source.sites[0]
    state = analysis.start(site, given or {})
    for chunks in source.chunks([site.name], analysis.labels):
        analysis.update(state, chunks[site.name])
    return analysis.compute(state)
