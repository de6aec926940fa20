"""Annotated sentences as a corpus for models that read words: each word is a token."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import Window
from unitscope.corpus.batch import Batch
from unitscope.corpus.padded import padded
from unitscope.corpus.place import WithoutText
from unitscope.corpus.sentence import Sentence, label_values
from unitscope.corpus.vocabulary import UNKNOWN, Vocabulary
from unitscope.errors import InputError


def word_vocabulary(sentences: Sequence[Sentence], at_least: int = 2) -> Vocabulary:
    """The lower-case forms that occur so often, and one symbol for all others."""
    counts = Counter(word.form.lower() for sentence in sentences for word in sentence.words)
    return Vocabulary((UNKNOWN, *sorted(form for form, count in counts.items() if count >= at_least)))


class WordCorpus(WithoutText):
    """Each sentence is a sequence of its words' lower-case forms, read from a fresh start.

    A label is the number of the word's class (see ``classes``), NaN where it has none. Raises ``InputError`` for no
    sentences, a sentence without words, and a vocabulary without a symbol for unknown words.
    """

    def __init__(self, sentences: Sequence[Sentence], name: str, vocabulary: Vocabulary) -> None:
        if not len(sentences):
            raise InputError(f"{name} has no sentences")
        empty = next((sentence.where for sentence in sentences if not sentence.words), None)
        if empty:
            raise InputError(f"{empty}: this sentence has no words; leave it out")
        if vocabulary.unknown is None:
            raise InputError("a vocabulary of words has a symbol for unknown words; make it with word_vocabulary")
        self.sentences = sentences
        self.name = name
        self.vocabulary = vocabulary
        self._unknown = vocabulary.unknown

    def __len__(self) -> int:
        return len(self.sentences)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of words, labels and vocabulary."""
        digest = hashlib.sha256(json.dumps(self.vocabulary.symbols).encode())
        for sentence in self.sentences:
            words = [[word.form, sorted(word.labels.items()), word.head] for word in sentence.words]
            digest.update(json.dumps([sentence.document, words]).encode())
        return digest.hexdigest()

    @cached_property
    def _classes(self) -> dict[str, tuple[str, ...]]:
        return label_values(self.sentences)

    @property
    def annotations(self) -> tuple[str, ...]:
        return tuple(sorted(self._classes))

    def classes(self, name: str) -> tuple[str, ...]:
        """The values of a label, sorted. Raises ``InputError`` for an unknown name, and lists the known ones."""
        if name not in self._classes:
            raise InputError(f"{self.name} has no label {name!r}; there are: {', '.join(sorted(self._classes))}")
        return self._classes[name]

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self.sentences[number].words) for number in sequences]

    def words(self, sequence: int) -> Int[Tensor, "word 2"]:
        """First token and token after the last of each word: each is its own token."""
        places = torch.arange(len(self.sentences[sequence].words))
        return torch.stack([places, places + 1], 1)

    def batch(self, sequences: Sequence[int]) -> Batch:
        windows = [Window(number, 0, 0, len(self.sentences[number].words)) for number in sequences]
        return padded(sequences, windows, lambda window: self._ids(window.document))

    def _ids(self, sequence: int) -> Int[np.ndarray, " token"]:
        forms = [word.form.lower() for word in self.sentences[sequence].words]
        return np.array([self.vocabulary.ids.get(form, self._unknown) for form in forms], np.int64)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        number = {value: float(place) for place, value in enumerate(self.classes(name))}
        words = self.sentences[sequence].words
        return torch.tensor([number.get(word.labels.get(name, ""), torch.nan) for word in words])

    def describe(self) -> dict[str, str]:
        words = sum(len(sentence.words) for sentence in self.sentences)
        return {
            "corpus": self.name,
            "corpus size": f"{words:,} words in {len(self):,} sentences",
            "vocabulary": f"{len(self.vocabulary):,} words",
        }
