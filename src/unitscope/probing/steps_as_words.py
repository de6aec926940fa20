"""Labels that a source keeps, as targets of probes: each step is a word, each sequence a sentence.

So activations without a treebank, recorded elsewhere or of a series, are probed as words are, for the labels that the
source has itself: flags, numbers of few values, ``side`` of the flags ``side=left`` and ``side=right``, and whatever
can be asked of a text.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import overload

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.batch import Batch
from unitscope.corpus.sentence import Sentence, Word
from unitscope.corpus.vocabulary import Vocabulary
from unitscope.errors import InputError
from unitscope.source.label_table import LabelTable, kept
from unitscope.source.source import Source

CLASSES = 100
"""Values of a label at most: what has more is a number to be regressed, not a class."""
IN_MEMORY = 4096
"""Sequences whose words are kept."""


class StepsAsWords:
    """The steps of a source, with the labels that are asked.

    A sequence has a label as a whole where it is the same at all its steps. Raises ``InputError`` for a label that the
    source does not have.
    """

    def __init__(self, source: Source, labels: Sequence[str]) -> None:
        self._source = source
        self._asked = {name: kept(name, source) or [name] for name in labels}
        names = list(dict.fromkeys(column for columns in self._asked.values() for column in columns))
        self._table = LabelTable(names, source)
        self._values: dict[str, set[str]] = {name: set() for name in labels}
        self.sentences: Sequence[Sentence] = _Lazily(self, max(source.sequences, default=-1) + 1)

    @property
    def vocabulary(self) -> Vocabulary:
        return self._source.vocabulary

    def words(self, sequence: int) -> Int[Tensor, "word 2"]:
        first = torch.arange(self._source.lengths([sequence])[0])
        return torch.stack([first, first + 1], 1)

    def batch(self, sequences: Sequence[int]) -> Batch:
        rows = [torch.from_numpy(self._source.tokens(number)) for number in sequences]
        tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        numbers = torch.tensor([int(number) for number in sequences])
        return Batch(tokens, torch.full_like(tokens, -1), torch.zeros_like(lengths), lengths, numbers)

    def sentence(self, sequence: int) -> Sentence:
        """A sequence with its labels."""
        source = self._source
        place = source.place(sequence)
        document = source.document(place.document)
        values = self._table.labels(sequence)
        said = {name: self._said(name, columns, values) for name, columns in self._asked.items()}
        forms = source.vocabulary.decode(source.tokens(sequence).tolist())
        words = tuple(
            Word(form, step, step + 1, {name: told[step] for name, told in said.items() if told[step]})
            for step, form in enumerate(forms)
        )
        same = {name: told[0] for name, told in said.items() if told and len(set(told)) == 1 and told[0]}
        where = f"{document.name}, step {place.start + 1}"
        return Sentence(" ".join(forms), words, str(place.document), where, labels=same)

    def _said(self, name: str, columns: Sequence[str], values: Float[Tensor, "step label"]) -> list[str]:
        """The class of each step; empty where it has none."""
        own = values[:, [self._table.names.index(column) for column in columns]]
        if columns != [name]:
            classes = [column.removeprefix(f"{name}=") for column in columns]
            none = ~(own == 1).any(1)
            told = ["" if missing else classes[k] for k, missing in zip(own.argmax(1).tolist(), none, strict=True)]
        else:
            told = ["" if value != value else f"{value:g}" for value in own[:, 0].tolist()]
        known = self._values[name]
        known.update(told)
        if len(known) > CLASSES:
            raise InputError(
                f"{name} has more than {CLASSES} values, so it is a number and no class; probe a label of few values, "
                "or predict the number with unitscope.probing.steps"
            )
        return told


class _Lazily(Sequence[Sentence]):
    """Sentences that are made when they are looked at; only the last ones stay."""

    def __init__(self, of: StepsAsWords, count: int) -> None:
        self._made = lru_cache(IN_MEMORY)(of.sentence)
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> Sentence: ...
    @overload
    def __getitem__(self, number: slice) -> list[Sentence]: ...
    def __getitem__(self, number: int | slice) -> Sentence | list[Sentence]:
        if isinstance(number, slice):
            return [self._made(each) for each in range(*number.indices(self._count))]
        if not 0 <= number < self._count:
            raise IndexError(number)
        return self._made(int(number))

    def __iter__(self) -> Iterator[Sentence]:
        return (self[number] for number in range(self._count))
