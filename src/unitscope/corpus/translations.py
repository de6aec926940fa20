"""Parallel text: sentences and their translations, as characters."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import Annotated
from unitscope.corpus.batch import Batch
from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.download import files_of
from unitscope.corpus.labelled import symbols_of
from unitscope.corpus.opening import Lines
from unitscope.corpus.place import WithoutText
from unitscope.corpus.spilled import Pairs
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError

END = "<end>"
"""Stands after the last symbol of a sentence, and before the first of what a translator writes."""
Translated = tuple[str, str]
"""A sentence and its translation."""


def read_parallel(
    source: Path, target: Path, dialect: Dialect | str = Dialect(), notes: Notes | None = None
) -> Sequence[Translated]:
    """Line by line a sentence and its translation. Lines in which one side is blank are left out.

    ``dialect`` may be an encoding. Raises ``InputError`` for files of different numbers of lines, since then no line
    can be trusted.
    """
    said = Dialect(encoding=dialect) if isinstance(dialect, str) else dialect
    notes = Notes() if notes is None else notes
    found, counts = Pairs(), [0, 0]
    for pair in itertools.zip_longest(*(_lines(path, said, notes) for path in (source, target))):
        counts = [count + (line is not None) for count, line in zip(counts, pair, strict=True)]
        first, second = ((line or "").strip() for line in pair)
        if first and second:
            found.append(first, second)
    if counts[0] != counts[1]:
        raise InputError(
            f"{source} has {counts[0]:,} lines but {target} has {counts[1]:,}; "
            "a line and its translation have the same number"
        )
    if not len(found):
        raise InputError(f"{source} and {target} hold no sentence with its translation")
    notes.count("lines with a blank side left out", counts[0] - len(found))
    return found


def _lines(name: Path, dialect: Dialect, notes: Notes) -> Iterator[str]:
    for path, how in files_of(name, dialect):
        with Lines(path, how.encoding, notes) as lines:
            yield from lines


def both_vocabularies(pairs: Sequence[Translated], at_least: int = 1) -> tuple[Vocabulary, Vocabulary]:
    """The symbols of either side, with an unknown one and ``END``."""
    sides = (symbols_of((pair[side] for pair in pairs), at_least=at_least) for side in (0, 1))
    first, second = (Vocabulary((*side.symbols, END)) for side in sides)
    return first, second


class Translations(WithoutText):
    """Each sentence with its translation is a sequence on one axis of time.

    Its tokens are the sentence and then ``END`` for as long as the translation lasts; the target of step t is symbol t
    of the translation, and ``END`` after its last. ``labels`` knows hypotheses about the sentence, NaN after its end.
    Raises ``InputError`` for no pairs and an empty side.
    """

    def __init__(
        self, pairs: Sequence[Translated], name: str, vocabulary: Vocabulary, target_vocabulary: Vocabulary
    ) -> None:
        if not len(pairs) or not all(map(all, pairs)):
            raise InputError(f"{name}: there is no sentence, or one without a translation; leave it out")
        for side in (vocabulary, target_vocabulary):
            if END not in side.ids or side.unknown is None:
                raise InputError(f"{name}: the symbols of a translation need {END} and an unknown one")
        self.name = name
        self.pairs = pairs
        self.vocabulary = vocabulary
        self.target_vocabulary = target_vocabulary
        self._annotated = Annotated(lambda number: self.pairs[number][0])

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the pairs and their symbols."""
        made = hashlib.sha256(b"[[")
        for number, pair in enumerate(self.pairs):
            made.update((", " * (number > 0) + json.dumps(pair)).encode())
        symbols = json.dumps([self.vocabulary.symbols, self.target_vocabulary.symbols])
        made.update(f"], {symbols[1:]}".encode())
        return made.hexdigest()

    @property
    def annotations(self) -> list[str]:
        return []

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [max(len(a), len(b) + 1) for a, b in (self.pairs[number] for number in sequences)]

    def sides(self) -> list[Int[np.ndarray, " pair"]]:
        """Symbols of every sentence, and of every translation with its end."""
        sizes = ((len(a), len(b) + 1) for a, b in self.pairs)
        return list(np.fromiter(sizes, np.dtype((np.int64, 2)), len(self.pairs)).T)

    def batch(self, sequences: Sequence[int]) -> Batch:
        lengths = self.lengths(sequences)
        tokens = torch.zeros(len(lengths), max(lengths, default=0), dtype=torch.long)
        targets = torch.full_like(tokens, -1)
        for row, (number, length) in enumerate(zip(sequences, lengths, strict=True)):
            source, target = self.pairs[number]
            tokens[row, :length] = self.vocabulary.ids[END]
            tokens[row, : len(source)] = _ids(source, self.vocabulary)
            targets[row, : len(target)] = _ids(target, self.target_vocabulary)
            targets[row, len(target)] = self.target_vocabulary.ids[END]
        return Batch(
            tokens=tokens,
            targets=targets,
            context=torch.zeros(len(lengths), dtype=torch.long),
            lengths=torch.tensor(lengths, dtype=torch.long),
            sequence=torch.tensor([int(number) for number in sequences], dtype=torch.long),
        )

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        known = len(self.pairs[sequence][0])
        values = self._annotated.labels(name, sequence, 0, known)
        return torch.cat([values, values.new_full((self.lengths([sequence])[0] - known,), torch.nan)])

    def take(self, sequences: Sequence[int]) -> "Translations":
        """Some of the pairs, in this order."""
        pairs = [self.pairs[number] for number in sequences]
        return Translations(pairs, self.name, self.vocabulary, self.target_vocabulary)

    def describe(self) -> dict[str, str]:
        characters = [sum(len(pair[side]) for pair in self.pairs) for side in (0, 1)]
        return {
            "corpus": self.name,
            "sequences": f"{len(self):,} pairs of {characters[0]:,} and {characters[1]:,} characters in all",
            "vocabulary": f"{len(self.vocabulary)} and {len(self.target_vocabulary)} symbols",
        }


def _ids(text: str, vocabulary: Vocabulary) -> Tensor:
    unknown = vocabulary.unknown or 0
    return torch.tensor([vocabulary.ids.get(symbol, unknown) for symbol in text], dtype=torch.long)
