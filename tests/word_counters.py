"""A model of words whose units are known, and texts for it."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.subwords import Encoded
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.models.edit import Edit
from unitscope.models.site import Site

WORDS = Vocabulary(("ann", "fed", "the", "cats", "dogs", "7", "ran", "home"))


class ByWords:
    """Each word is a token."""

    vocabulary = WORDS
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    key = "words"

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit

    def encode(self, text: str) -> Encoded:
        ids, offsets, at = [], [], 0
        for word in text.split():
            at = text.index(word, at)
            ids.append(WORDS.ids[word])
            offsets.append((at, at + len(word)))
            at += len(word)
        return Encoded(np.array(ids, np.int64), np.array(offsets, np.int64).reshape(-1, 2))

    def unknown(self, text: str) -> list[str]:
        return [word for word in text.split() if word not in WORDS.ids]


class Planted:
    """A unit per function from the token ids of a row to a value per step."""

    checked = None

    name = "planted"
    fingerprint = "planted"
    device = torch.device("cpu")

    def __init__(self, units: Sequence[Callable[[Tensor], Tensor]]) -> None:
        self.units = units

    def sites(self) -> tuple[Site, ...]:
        return (Site("planted", len(self.units)),)

    def run(self, batch: Batch, read: Sequence[str], edits: Sequence[Edit] = ()) -> dict[str, Tensor]:
        values = torch.stack([unit(batch.tokens).float() for unit in self.units], 2)
        step = torch.arange(values.shape[1])
        return {"planted": torch.where((step < batch.lengths[:, None])[:, :, None], values, 1e6)}

    def untrained(self, seed: int) -> "Planted":
        return Planted([lambda tokens: torch.zeros(tokens.shape)] * len(self.units))

    def describe(self) -> dict[str, str]:
        return {"model": "planted"}


def is_word(*words: str) -> Callable[[Tensor], Tensor]:
    """1 at these words."""
    numbers = torch.tensor([WORDS.ids[word] for word in words])
    return lambda tokens: torch.isin(tokens, numbers)
