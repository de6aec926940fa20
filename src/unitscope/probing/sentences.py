"""Sentences of different length, laid end to end, a few at a time as padded rows; and their trees."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.corpus.sentence import ROOT
from unitscope.errors import InputError


@dataclass(frozen=True)
class Lengths:
    """Number of words of each sentence. Raises ``InputError`` for an empty sentence."""

    words: Int[Tensor, " sentence"]

    def __post_init__(self) -> None:
        if not len(self.words) or not bool((self.words > 0).all()):
            raise InputError("there is a sentence without words, or no sentence at all; leave empty ones out")

    @classmethod
    def of(cls, sentence: Int[Tensor, " word"]) -> "Lengths":
        """From the number of the sentence that each word belongs to; the words of a sentence stand together."""
        return cls(torch.unique_consecutive(sentence, return_counts=True)[1])

    def __len__(self) -> int:
        return len(self.words)

    @property
    def starts(self) -> Int[Tensor, " sentence"]:
        return self.words.cumsum(0) - self.words

    def padded(self, which: Int[Tensor, " some"]) -> tuple[Int[Tensor, "some longest"], Bool[Tensor, "some longest"]]:
        """Numbers of the words of some sentences, one row for each, and where there is a word.

        Padding repeats the first word of its row, so that the numbers can always be looked up.
        """
        longest = torch.arange(int(self.words[which].max()))
        there = longest < self.words[which, None]
        return self.starts[which, None] + torch.where(there, longest, 0), there

    def split(self, values: Tensor) -> list[Tensor]:
        """The part of each sentence."""
        return list(values.split(self.words.tolist()))


def tree_distances(heads: Sequence[int]) -> Float[Tensor, "word word"]:
    """Edges between each two words of a tree; ``heads`` are numbers of words, ``ROOT`` for the root.

    Infinite between words that no path joins. Raises ``InputError`` for heads that run in a circle.
    """
    count = len(heads)
    ancestors = [_upwards(heads, word) for word in range(count)]
    out = torch.full((count, count), torch.inf)
    for i in range(count):
        depth = {word: steps for steps, word in enumerate(ancestors[i])}
        for j in range(count):
            met = next(((steps, word) for steps, word in enumerate(ancestors[j]) if word in depth), None)
            if met is not None:
                out[i, j] = met[0] + depth[met[1]]
    return out


def tree_depths(heads: Sequence[int]) -> Float[Tensor, " word"]:
    """Edges from the root to each word. Raises ``InputError`` for heads that run in a circle."""
    return torch.tensor([float(len(_upwards(heads, word)) - 1) for word in range(len(heads))])


def _upwards(heads: Sequence[int], word: int) -> list[int]:
    """The word, its head, the head's head … up to the root."""
    path = [word]
    while heads[path[-1]] != ROOT:
        path.append(heads[path[-1]])
        if len(path) > len(heads):
            raise InputError(f"the heads of word {word} run in a circle; a tree has a root")
    return path
