"""A control: the same activations under labels from elsewhere in the text."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.site import Site
from unitscope.recording.chunk import Chunk
from unitscope.recording.remembered import relabelled
from unitscope.recording.source import Source


@dataclass(frozen=True)
class Shifted:
    """A source whose labels are moved round in a circle by some sequences and some tokens.

    Labels keep their frequencies and their autocorrelation and lose their tie to the activations, so what an
    analysis still finds it finds by chance.
    """

    whole: Source
    seed: int

    @property
    def name(self) -> str:
        return f"{self.whole.name}, labels shifted ({self.seed})"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.whole.fingerprint} shifted {self.seed}".encode()).hexdigest()

    @property
    def sites(self) -> tuple[Site, ...]:
        return self.whole.sites

    @property
    def vocabulary(self) -> Vocabulary:
        return self.whole.vocabulary

    @property
    def sequences(self) -> Sequence[int]:
        return self.whole.sequences

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        own = self.whole.labels(name, sequence)
        order = self.whole.sequences
        count = len(order)
        draw = random.Random(self.seed)
        place = order.index(sequence) + (draw.randrange(1, count) if count > 1 else 0)
        start = draw.randrange(len(own)) if len(own) else 0
        parts: list[Tensor] = []
        missing = len(own)
        while missing > 0:
            other = self.whole.labels(name, order[place % count])[start : start + missing]
            parts.append(other)
            missing -= len(other)
            place, start = place + 1, 0
        return torch.cat(parts) if parts else own

    def chunks(
        self, sites: Sequence[str], labels: Sequence[str] = (), sequences: Sequence[int] | None = None
    ) -> Iterator[dict[str, Chunk]]:
        for chunks in self.whole.chunks(sites, (), sequences):
            yield relabelled(chunks, self, labels)

    def describe(self) -> dict[str, str]:
        return {**self.whole.describe(), "labels": f"circularly shifted, seed {self.seed}"}
