"""What can be asked of every unit, as columns of labels over the tokens of a source.

A hypothesis is written as

- a name of the catalogue, ``regex:PATTERN`` or ``file.py:function`` (``unitscope ask --list``)
- ``words:the,a,an`` or ``words:FILE`` (a word on each line): the token is in one of these words, in any case
- ``column:upos``: a flag for each value of a treebank's column; ``column:upos=NOUN``: one of them
- ``concept:in the city``: within this word or phrase, in any case

and in Python also as a function from a text to one value per character, or as a whole concept ``Bank``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.banks.bank import Bank
from unitscope.concepts.pairs import Hypotheses
from unitscope.corpus.annotated import CHARACTER, Annotated, WithText
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.sentence import Sentence
from unitscope.errors import InputError
from unitscope.labels import Label, given
from unitscope.source.source import Source

Asked = str | Label | Bank | Callable[[str], Any]
WORDS, COLUMN, CONCEPT = "words:", "column:", "concept:"


class Question(Protocol):
    """Some hypotheses that are answered together."""

    names: tuple[str, ...]
    is_flag: tuple[bool, ...]
    families: tuple[str, ...]
    """Hypotheses of one family are defined at the same tokens."""

    def labels(self, sequence: int) -> Float[Tensor, "token hypothesis"]:
        """One value per counted token of a sequence and hypothesis; NaN where it is undefined."""
        ...


class Questions:
    """Everything that is asked, as one table of labels. Raises ``InputError`` for what cannot be asked here."""

    def __init__(self, asked: Sequence[Asked], source: Source, corpus: Corpus | None = None) -> None:
        if not asked:
            raise InputError("nothing is asked; give a hypothesis, for example digit or regex:[0-9]+")
        self.parts = list(_parts(asked, source, corpus))
        names = [name for part in self.parts for name in part.names]
        families = [family for part in self.parts for family in part.families]
        order = {family: number for number, family in enumerate(dict.fromkeys(families))}
        self._hypotheses = Hypotheses(
            tuple(names),
            np.array([flag for part in self.parts for flag in part.is_flag]),
            np.array([order[family] for family in families]),
        )
        doubled = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if doubled:
            raise InputError(f"{doubled[0]!r} is asked twice; ask it once")

    @property
    def hypotheses(self) -> Hypotheses:
        return self._hypotheses

    def labels(self, sequences: Sequence[int]) -> Float[Tensor, "token hypothesis"]:
        """The labels of sequences laid end to end."""
        return torch.cat([torch.cat([part.labels(number) for part in self.parts], 1) for number in sequences])


def _parts(asked: Sequence[Asked], source: Source, corpus: Corpus | None) -> Iterator[Question]:
    def kind(item: Asked) -> str:
        if isinstance(item, Bank):
            return "bank"
        if not isinstance(item, str):
            return "function"
        if item.startswith(COLUMN):
            return "column"
        in_text = isinstance(corpus, WithText) and item not in corpus.annotations
        return "function" if in_text else "name"

    for what, group in groupby(asked, kind):
        items: list[Any] = list(group)
        if what == "name":
            yield Named(items, source)
        elif what == "function":
            yield Functions(items, corpus)
        else:
            yield from (Concepts(item, corpus) if what == "bank" else Column(item, corpus) for item in items)


class Named:
    """Hypotheses that the source itself answers, by their names."""

    def __init__(self, names: Sequence[str], source: Source) -> None:
        self.names = tuple(names)
        self._source = source
        self._asked = list(names)
        kinds = []
        for name in self._asked:
            try:
                kinds.append(given(name).kind)
            except InputError:
                source.labels(name, source.sequences[0])  # an annotation, or no name at all
                kinds.append("number")
        self.is_flag = tuple(kind == "flag" for kind in kinds)
        self.families = tuple("text" if kind == "flag" else name for kind, name in zip(kinds, names, strict=True))

    def labels(self, sequence: int) -> Float[Tensor, "token hypothesis"]:
        return torch.stack([self._source.labels(name, sequence) for name in self._asked], 1)


class Functions:
    """Functions from a text to one value per character, where the corpus has the text at hand."""

    def __init__(self, functions: Sequence[str | Label | Callable[[str], Any]], corpus: Corpus | None) -> None:
        if corpus is None or not isinstance(corpus, WithText):
            raise InputError(
                "a function is asked of a text, and this source has none; "
                "give over= a corpus of text, or write the function to a file and ask file.py:function"
            )
        made = [_hypothesis(item) for item in functions]
        self._corpus = corpus
        self._text: WithText = corpus
        self._annotated = Annotated(corpus.document_text, {item.key: item for item in made})
        self.names = tuple(item.key for item in made)
        self.is_flag = tuple(item.kind == "flag" for item in made)
        self.families = tuple("text" if item.kind == "flag" else item.key for item in made)

    def labels(self, sequence: int) -> Float[Tensor, "token hypothesis"]:
        window = self._text.window(sequence)
        if CHARACTER not in self._corpus.annotations:
            rows: slice | np.ndarray = slice(window.start, window.stop)
            return torch.from_numpy(self._annotated.table(self.names, window.document, rows))
        at = self._corpus.labels(CHARACTER, sequence)
        said = self._annotated.table(self.names, window.document, at.nan_to_num().long().numpy())
        return torch.from_numpy(said).masked_fill(at.isnan()[:, None], torch.nan)


def _hypothesis(item: str | Label | Callable[[str], Any]) -> Label:
    if isinstance(item, Label):
        return item
    if isinstance(item, str):
        return replace(given(item), key=item)
    name = getattr(item, "__name__", "function")
    is_flag = np.asarray(item("He said: 9.\n")).dtype == np.bool_
    return Label(name, name, "flag" if is_flag else "number", f"The function {name}.", item)


@runtime_checkable
class HasSentences(Protocol):
    """A corpus whose sequences are sentences with words, and that knows the tokens of each word."""

    @property
    def sentences(self) -> Sequence[Sentence]: ...

    def words(self, sequence: int) -> Int[Tensor, "word 2"]: ...

    def lengths(self, sequences: Sequence[int]) -> list[int]: ...


class Column:
    """A flag for each value of a column of a treebank. Undefined between words and where a word has no value."""

    def __init__(self, asked: str, corpus: object) -> None:
        if not isinstance(corpus, HasSentences):
            raise InputError(f"{asked!r} is asked of a treebank; give a .conllu, .ptb or other annotated file")
        column, _, value = asked.removeprefix(COLUMN).partition("=")
        found = {word.labels[column] for s in corpus.sentences for word in s.words if column in word.labels}
        if not found:
            known = sorted({name for s in corpus.sentences for word in s.words for name in word.labels})
            raise InputError(f"the treebank has no column {column!r}; there are: {', '.join(known) or 'none'}")
        if value and value not in found:
            raise InputError(f"{column} is never {value!r}; its values are: {', '.join(sorted(found))}")
        self._corpus = corpus
        self._column = column
        self._values = (value,) if value else tuple(sorted(found))
        self.names = tuple(f"{COLUMN}{column}={value}" for value in self._values)
        self.is_flag = (True,) * len(self.names)
        self.families = (f"{COLUMN}{column}",) * len(self.names)
        self._vectors = {value: torch.tensor([float(value == other) for other in self._values]) for value in found}

    def labels(self, sequence: int) -> Float[Tensor, "token hypothesis"]:
        said = torch.full((self._corpus.lengths([sequence])[0], len(self.names)), torch.nan)
        words = list(zip(self._corpus.sentences[sequence].words, self._corpus.words(sequence).tolist(), strict=True))
        for word, (first, after) in reversed(words):  # of words that share their text the first one counts
            if self._column in word.labels:
                said[first:after] = self._vectors[word.labels[self._column]]
        return said


@runtime_checkable
class HasPlaces(Protocol):
    """A corpus that knows the tokens of a span of characters."""

    def __len__(self) -> int: ...

    def tokens_of(self, sequence: int, spans: Int[np.ndarray, "span 2"]) -> Int[np.ndarray, "span 2"]: ...

    def lengths(self, sequences: Sequence[int]) -> list[int]: ...


class Concepts:
    """Every concept of a bank, at the places where it stands in the sentences that the bank was made from."""

    def __init__(self, bank: Bank, corpus: object) -> None:
        if not isinstance(corpus, HasPlaces) or len(corpus) != bank.sentence_count:
            raise InputError(
                f"the bank knows the places of its concepts in {bank.sentence_count:,} sentences; read these same "
                "sentences as Passages, or ask for single concepts of any text by concept:TEXT"
            )
        self._bank = bank
        self._corpus = corpus
        self.names = concept_names(bank)
        self.is_flag = (True,) * len(bank)
        self.families = ("concepts",) * len(bank)

    def labels(self, sequence: int) -> Float[Tensor, "token hypothesis"]:
        said = torch.zeros(self._corpus.lengths([sequence])[0], len(self.names))
        here = self._bank.within(sequence)
        for concept, (first, after) in zip(here[:, 0], self._corpus.tokens_of(sequence, here[:, 1:]), strict=True):
            said[first:after, concept] = 1.0
        return said


def concept_names(bank: Bank) -> tuple[str, ...]:
    """What the concepts of a bank are called as hypotheses; with their kind where two are spelled alike."""
    twice = bank.table["text"].str.lower().duplicated(keep=False)
    return tuple(
        f"{CONCEPT}{text} ({kind})" if double else f"{CONCEPT}{text}"
        for text, kind, double in zip(bank.texts, bank.table["kind"], twice, strict=True)
    )
