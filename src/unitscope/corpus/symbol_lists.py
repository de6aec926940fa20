"""Sequences of symbols that are no text: words of a sentence, moves of a game, either side of a pair.

An encoder–decoder of one's own has steps of two kinds, so it is read twice, with a corpus for each side, and the
decoder's ``call`` looks up the sources of a batch by their numbers:

    encoder = ModuleModel(net, call=lambda net, batch: net.encoder(batch.tokens, batch.lengths))
    decoder = ModuleModel(net, call=lambda net, batch: net(sources.of(batch), batch.tokens), logits=lambda out: out)
    Live(encoder, sources), Live(decoder, outputs)
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import Window
from unitscope.corpus.batch import Batch
from unitscope.corpus.padded import padded
from unitscope.corpus.place import WithoutText
from unitscope.corpus.shapes import Labels, labels_of
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError


class SymbolLists(WithoutText):
    """Each list is a sequence, and each symbol predicts the next; begin and end are symbols where a network has them.

    ``vocabulary`` are the network's symbols in the order of their numbers; without it, those that occur, sorted.
    ``labels`` have a value for each token or for each sequence; of words a flag ``name=word`` each. Raises
    ``InputError`` for no sequence, an empty one, a symbol that the vocabulary neither has nor has an unknown one for,
    and labels that do not fit.
    """

    def __init__(
        self,
        sequences: Sequence[Sequence[str]],
        vocabulary: Vocabulary | None = None,
        *,
        labels: Mapping[str, Any] | None = None,
        name: str = "sequences",
    ) -> None:
        self.name = name
        self.vocabulary = vocabulary or Vocabulary.of(symbol for sequence in sequences for symbol in sequence)
        ids, unknown = self.vocabulary.ids, self.vocabulary.unknown
        self._ids: list[Int[np.ndarray, " token"]] = []
        for number, sequence in enumerate(sequences):
            found = [ids.get(symbol, unknown) for symbol in sequence]
            if None in found:
                raise InputError(
                    f"{name}: sequence {number} holds {sequence[found.index(None)]!r}, which the vocabulary of "
                    f"{len(self.vocabulary)} symbols lacks; give it, or leave the sequence out"
                )
            if not found:
                raise InputError(f"{name}: sequence {number} is empty; leave it out")
            self._ids.append(np.array(found, np.int64))
        if not self._ids:
            raise InputError(f"{name} has no sequences; give at least one list of symbols")
        self._ends = np.cumsum([0, *map(len, self._ids)])
        self._labels: Labels = labels_of(labels or {}, np.diff(self._ends))

    def __len__(self) -> int:
        return len(self._ids)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of sequences, symbols and labels."""
        made = hashlib.sha256(json.dumps([self.vocabulary.symbols, self._ends.tolist()]).encode())
        for values in (*self._ids, *self._labels.values()):
            made.update(values.tobytes())
        return made.hexdigest()

    @property
    def annotations(self) -> tuple[str, ...]:
        return tuple(self._labels)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self._ids[number]) for number in sequences]

    def batch(self, sequences: Sequence[int]) -> Batch:
        windows = [Window(int(number), 0, 0, len(self._ids[number])) for number in sequences]
        return padded(sequences, windows, lambda window: self._ids[window.document])

    def of(self, batch: Batch) -> Int[Tensor, "batch time"]:
        """The sequences that have the numbers of those in a batch of another corpus, such as its sources."""
        return self.batch(batch.sequence.tolist()).tokens.to(batch.tokens.device)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        if name not in self._labels:
            known = ", ".join(self._labels) or "none"
            raise InputError(f"{self.name} has no label {name!r}; there are: {known}")
        return torch.from_numpy(self._labels[name][self._ends[sequence] : self._ends[sequence + 1]])

    def describe(self) -> dict[str, str]:
        return {
            "corpus": self.name,
            "sequences": f"{len(self):,} of {int(self._ends[-1]):,} symbols in all",
            "vocabulary": f"{len(self.vocabulary)} symbols",
        }
