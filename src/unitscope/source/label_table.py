"""Everything that is asked of a source, as one table of labels: a row for each token, a column for each label.

A label is written in the one language of ``unitscope.labels.language``. In Python it may also be a ``Label``, a
function from a text to one value per character, or a whole ``Bank`` of concepts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.banks.bank import Bank
from unitscope.banks.neighbours import KIND, neighbours
from unitscope.corpus.annotated import CHARACTER, Annotated
from unitscope.corpus.corpus import Corpus
from unitscope.corpus.with_sentences import WithSentences
from unitscope.errors import InputError
from unitscope.labels import Label, given
from unitscope.labels.label import Kind
from unitscope.labels.language import COLUMN, CONCEPT, OF_TEXT, ROLE, parse
from unitscope.labels.own import of_function
from unitscope.source.source import Source

Asked = str | Label | Bank | Callable[[str], Any]
FLAG: Kind = "flag"
LOOKED = 64
"""Sequences that are looked at to say whether an annotation is a flag."""


class LabelTable:
    """The labels that are asked, over one source.

    ``corpus`` is what the source was read from, where the source itself has it no more: words and places of a bank's
    concepts are asked of it. Raises ``InputError`` for what cannot be asked here, and for a label that is asked twice.
    """

    def __init__(self, asked: Sequence[Asked], source: Source, corpus: Corpus | None = None) -> None:
        if not len(asked):
            raise InputError("nothing is asked; give a label, for example digit or regex:[0-9]+")
        self._parts = list(_parts(asked, source, corpus or source.corpus))
        self.names: tuple[str, ...] = tuple(name for part in self._parts for name in part.names)
        self.kinds: tuple[Kind, ...] = tuple(kind for part in self._parts for kind in part.kinds)
        families = [family for part in self._parts for family in part.families]
        order = {family: number for number, family in enumerate(dict.fromkeys(families))}
        self.families: tuple[int, ...] = tuple(order[family] for family in families)
        """Labels of one number are defined at the same tokens."""
        doubled = [name for name in dict.fromkeys(self.names) if self.names.count(name) > 1]
        if doubled:
            raise InputError(f"{doubled[0]!r} is asked twice; ask it once")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def concepts(self) -> dict[str, str]:
        """The labels that are a word or phrase as it is written, with that text."""
        return {name: text for part in self._parts for name, text in part.concepts.items()}

    def labels(self, sequence: int) -> Float[Tensor, "token label"]:
        """One value per counted token of a sequence; NaN where a label is undefined."""
        return torch.cat([part.labels(sequence) for part in self._parts], 1)


class Part(ABC):
    """Some labels that are answered together."""

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    families: tuple[str, ...]
    """Labels of one family are defined at the same tokens."""
    concepts: dict[str, str]
    """Those of them that are a word or phrase as it is written, with that text."""

    @abstractmethod
    def labels(self, sequence: int) -> Float[Tensor, "token label"]:
        """One value per counted token of a sequence."""


def _parts(asked: Sequence[Asked], source: Source, corpus: Corpus | None) -> Iterator[Part]:
    for of_text, group in groupby(asked, lambda item: _of_text(item, source)):
        if of_text:
            yield Texts([_text_label(item, source) for item in group], source)
        else:
            yield from (_part(item, source, corpus) for item in group)


def _of_text(item: Asked, source: Source) -> bool:
    if isinstance(item, str):
        return not kept(item, source) and parse(item).form in OF_TEXT
    return not isinstance(item, Bank)


def _part(item: Any, source: Source, corpus: Corpus | None) -> Part:
    if isinstance(item, Bank):
        return Concepts(item, source, corpus)
    if own := kept(item, source):
        return Annotations(own, source)
    written = parse(item)
    match written.form:
        case "bank:":
            return Concepts(Bank.load(Path(written.rest).expanduser()), source, corpus)
        case "neighbours:":
            return Concepts(neighbours(Bank.load(Path(written.rest).expanduser())), source, corpus)
        case "role:":
            return Annotations(_roles(written.text, source), source)
    return Column(item, source, corpus)


def kept(name: str, source: Source) -> list[str]:
    """The annotations that a name stands for: itself, or of a label with values the flag of each, as ``side=left``."""
    if name in source.annotations:
        return [name]
    return [own for own in source.annotations if own.startswith(f"{name}=")]


def _roles(asked: str, source: Source) -> list[str]:
    known = [name for name in source.annotations if name.startswith(ROLE)]
    if asked == ROLE and known:
        return known
    raise InputError(f"nobody speaks as {asked!r} in {source.name}; there are: {', '.join(known) or 'no speakers'}")


def _text_label(item: Any, source: Source) -> Label:
    if isinstance(item, Label):
        return item
    if isinstance(item, str):
        try:
            return replace(given(item), key=item)
        except InputError as error:
            known = ", ".join(source.annotations)
            if parse(item).form or not known:
                raise
            raise InputError(f"{error}; annotations of {source.name}: {known}") from error
    return of_function(getattr(item, "__name__", "function"), item)


class Texts(Part):
    """Labels that a text answers."""

    def __init__(self, labels: Sequence[Label], source: Source) -> None:
        self.names = tuple(label.key for label in labels)
        self.kinds = tuple(label.kind for label in labels)
        # Flags are defined wherever there is a character; a number may be undefined where it likes.
        self.families = tuple("text" if label.kind == "flag" else label.key for label in labels)
        said = {name: parse(name) for name in self.names if name.startswith(CONCEPT)}
        self.concepts = {name: " ".join(written.rest.split()) for name, written in said.items()}
        self._source = source
        self._annotated = Annotated(self._text, {label.key: label for label in labels})

    def _text(self, document: int) -> str:
        text = self._source.document(document).text
        if text is None:
            known = ", ".join(self._source.annotations) or "none"
            raise InputError(
                f"{self.names[0]!r} is asked of a text, and {self._source.name} has none; its annotations are: {known}"
            )
        return text

    def labels(self, sequence: int) -> Float[Tensor, "token label"]:
        place = self._source.place(sequence)
        if CHARACTER not in self._source.annotations:
            rows = slice(place.start, place.start + self._source.lengths([sequence])[0])
            return torch.from_numpy(self._annotated.table(self.names, place.document, rows))
        at = self._source.labels(CHARACTER, sequence)
        said = self._annotated.table(self.names, place.document, at.nan_to_num().long().numpy())
        return torch.from_numpy(said).masked_fill(at.isnan()[:, None], torch.nan)


class Annotations(Part):
    """Labels that the source keeps for each token."""

    def __init__(self, names: Sequence[str], source: Source) -> None:
        self.names = self.families = tuple(names)
        self.concepts = {}
        self._source = source
        numbers = source.sequences[:LOOKED]
        flags = [all(_is_flag(source.labels(name, number)) for number in numbers) for name in names]
        self.kinds = tuple("flag" if flag else "number" for flag in flags)

    def labels(self, sequence: int) -> Float[Tensor, "token label"]:
        return torch.stack([self._source.labels(name, sequence) for name in self.names], 1)


def _is_flag(values: Float[Tensor, " token"]) -> bool:
    return bool(((values == 0) | (values == 1) | values.isnan()).all())


class Column(Part):
    """A flag for each value of a column of annotated words. Undefined between words and where a word has no value."""

    def __init__(self, asked: str, source: Source, corpus: object) -> None:
        if not isinstance(corpus, WithSentences):
            raise InputError(f"{asked!r} is asked of annotated words; give a .conllu, .ptb or other annotated file")
        column, _, value = asked.removeprefix(COLUMN).partition("=")
        found = {word.labels[column] for s in corpus.sentences for word in s.words if column in word.labels}
        if not found:
            known = sorted({name for s in corpus.sentences for word in s.words for name in word.labels})
            raise InputError(f"the words have no column {column!r}; there are: {', '.join(known) or 'none'}")
        if value and value not in found:
            raise InputError(f"{column} is never {value!r}; its values are: {', '.join(sorted(found))}")
        self._source = source
        self._corpus: WithSentences = corpus
        self._column = column
        self._values = (value,) if value else tuple(sorted(found))
        self.names = tuple(f"{COLUMN}{column}={value}" for value in self._values)
        self.concepts = {}
        self.kinds = (FLAG,) * len(self.names)
        self.families = (f"{COLUMN}{column}",) * len(self.names)
        self._vectors = {value: torch.tensor([float(value == other) for other in self._values]) for value in found}

    def labels(self, sequence: int) -> Float[Tensor, "token label"]:
        said = torch.full((self._source.lengths([sequence])[0], len(self.names)), torch.nan)
        words = list(zip(self._corpus.sentences[sequence].words, self._corpus.words(sequence).tolist(), strict=True))
        for word, (first, after) in reversed(words):  # of words that share their text the first one counts
            if self._column in word.labels:
                said[first:after] = self._vectors[word.labels[self._column]]
        return said


class Concepts(Part):
    """Every concept of a bank, at the places where it stands in the sentences that the bank was made from."""

    def __init__(self, bank: Bank, source: Source, corpus: object) -> None:
        if not isinstance(corpus, WithSentences) or not _made_from(bank, corpus):
            raise InputError(
                f"the bank knows the places of its concepts in {bank.sentence_count:,} sentences; read these same "
                "sentences, or ask for single concepts of any text by concept:TEXT"
            )
        self._bank = bank
        self._source = source
        self._corpus: WithSentences = corpus
        self.names = concept_names(bank)
        written = (bank.table["kind"] != KIND).to_numpy()
        self.concepts = {n: text for n, text, is_text in zip(self.names, bank.texts, written, strict=True) if is_text}
        self.kinds = (FLAG,) * len(bank)
        self.families = ("concepts",) * len(bank)

    def labels(self, sequence: int) -> Float[Tensor, "token label"]:
        said = torch.zeros(self._source.lengths([sequence])[0], len(self.names))
        here = self._bank.within(sequence)
        for concept, (first, after) in zip(here[:, 0], self._corpus.tokens_of(sequence, here[:, 1:]), strict=True):
            said[first:after, concept] = 1.0
        return said


def _made_from(bank: Bank, corpus: WithSentences) -> bool:
    """Whether concepts stand where the bank says.

    A lemma, what is most like a concept, and words that share their letters (de and le in *du*) are spelt otherwise.
    """
    if len(corpus.sentences) != bank.sentence_count:
        return False
    kinds = bank.table["kind"].to_numpy()
    texts = [text.lower() for text in bank.texts]
    spelt = bank.places[~np.isin(kinds[bank.places[:, 0]], ["lemma", KIND])]
    looked = spelt[:: max(1, len(spelt) // LOOKED)].tolist()
    same = [
        " ".join(corpus.sentences[sentence].text[start:stop].lower().split()) == texts[concept]
        for concept, sentence, start, stop in looked
    ]
    return bool(2 * sum(same) >= len(same))


def concept_names(bank: Bank) -> tuple[str, ...]:
    """Names of the concepts of a bank as labels; with their kind where two are spelled alike."""
    twice = bank.table["text"].str.lower().duplicated(keep=False)
    return tuple(
        f"{CONCEPT}{text} ({kind})" if double else f"{CONCEPT}{text}"
        for text, kind, double in zip(bank.texts, bank.table["kind"], twice, strict=True)
    )
