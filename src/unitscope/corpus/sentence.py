"""A sentence with what is known of its words. Every format of treebank is read into this."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from unitscope.errors import InputError

ROOT = -1


@dataclass(frozen=True, slots=True)
class Word:
    """A word: characters ``start`` to ``stop`` of the sentence's text. Words of one written token may share them."""

    form: str
    start: int
    stop: int
    labels: Mapping[str, str]
    """``upos``, ``xpos``, ``deprel``, ``feats.Number``, ``iob`` …; a name that is not there is undefined."""
    head: int | None = None
    """Number of the word that this one hangs on, ``ROOT`` for the root, None where there is no tree."""


@dataclass(frozen=True, slots=True)
class Span:
    """Words ``start`` to ``stop`` (the one after the last) under a label: a constituent, an entity."""

    start: int
    stop: int
    label: str
    function: str = ""
    """What a constituent is to the one around it, such as SBJ; empty where it is not said."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Text and words, the words in the order of the text."""

    text: str
    words: tuple[Word, ...]
    document: str
    where: str
    """File and line, for messages."""
    spans: tuple[Span, ...] = ()
    silent: tuple[Word, ...] = ()
    """Nodes without text (empty nodes of CoNLL-U); ``start`` equals ``stop``."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the sentence as a whole, such as the tense of its main verb."""
    part: str = ""
    """``train``, ``dev`` or ``test`` where that is settled; empty where whoever uses the sentence divides."""


def place(text: str, form: str, cursor: int, where: str) -> tuple[int, int]:
    """Where a form stands in a text at or after ``cursor``, with nothing but white space before it.

    Letters may be composed in one and not in the other (NFC, NFD). Raises ``InputError`` naming ``where`` if something
    else stands there.
    """
    while cursor < len(text) and text[cursor].isspace() and not text.startswith(form, cursor):
        cursor += 1
    if form and text.startswith(form, cursor):
        return cursor, cursor + len(form)
    stop = _composed_otherwise(text, form, cursor)
    if stop is None:
        found = text[cursor : cursor + 20]
        raise InputError(
            f"{where}: the word {form!r} does not stand where the text of its sentence goes on with {found!r}; "
            "correct the word or the text"
        )
    return cursor, stop


def _composed_otherwise(text: str, form: str, cursor: int) -> int | None:
    """Where a form ends in a text that writes the same letters with other code points; None where it does not."""
    wanted = unicodedata.normalize("NFD", form)
    longest = text[cursor : cursor + len(wanted)]
    if not wanted or longest.isascii():
        return None
    ends = range(cursor + 1, cursor + len(longest) + 1)
    fits = (stop for stop in ends if unicodedata.normalize("NFD", text[cursor:stop]) == wanted)
    return next(fits, None)


def label_values(sentences: Iterable[Sentence]) -> dict[str, tuple[str, ...]]:
    """The values of every label of words, sorted."""
    values: dict[str, set[str]] = {}
    for sentence in sentences:
        for word in sentence.words:
            for name, value in word.labels.items():
                values.setdefault(name, set()).add(value)
    return {name: tuple(sorted(found)) for name, found in values.items()}
