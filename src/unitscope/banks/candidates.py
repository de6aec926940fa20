"""Pieces of sentences that may be concepts: words, lemmas, phrases, morphemes.

A finder is a function from a sentence to the places where it sees one. Morphemes and words are matched where the
sentence's own words and the segmentation put them, never as bare substrings.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from unitscope.corpus.sentence import Sentence, Word

Kind = Literal["morpheme", "word", "lemma", "phrase"]
Segment = Callable[[str], tuple[str, ...]]
"""From a word to its morphemes, which spell it."""

BLANKS = r"\S+"
"""Words of a text that is already divided by blanks."""
WORDS = r"[^\W_]+(?:['’-][^\W_]+)*|[^\w\s]|_"
"""Words of running text: letters and digits with inner hyphens and apostrophes; signs stand alone."""


@dataclass(frozen=True, slots=True)
class Place:
    """One occurrence of a concept: characters ``start`` to ``stop`` of its sentence."""

    text: str
    kind: Kind
    words: int
    """Number of words; 0 for a morpheme."""
    label: str
    """Of the constituent, or the word's part of speech; empty where none is known."""
    start: int
    stop: int


Finder = Callable[[Sentence], Iterable[Place]]


def sentence_of(text: str, document: str, words: str = WORDS) -> Sentence:
    """A plain text as a sentence; ``words`` is the pattern of its words (``WORDS`` or ``BLANKS``)."""
    found = tuple(Word(match[0], match.start(), match.end(), {}) for match in re.finditer(words, text))
    return Sentence(text, found, document, document)


def words(sentence: Sentence) -> Iterator[Place]:
    """Every word that has a letter or digit."""
    for word in sentence.words:
        if _says(word.form):
            yield Place(word.form, "word", 1, _tag(word), word.start, word.stop)


def lemmas(sentence: Sentence) -> Iterator[Place]:
    """The lemma of every word that has one."""
    for word in sentence.words:
        lemma = word.labels.get("lemma", "")
        if _says(lemma):
            yield Place(lemma, "lemma", 1, _tag(word), word.start, word.stop)


def constituents(longest: int = 5) -> Finder:
    """The inner nodes of the sentence's tree over 2 to ``longest`` words; a node of one word is that word."""

    def find(sentence: Sentence) -> Iterator[Place]:
        seen = set()
        for span in sentence.spans:
            if 2 <= span.stop - span.start <= longest and (span.start, span.stop) not in seen:
                seen.add((span.start, span.stop))  # of nodes over the same words the highest names them
                yield _phrase(sentence, span.start, span.stop, span.label)

    return find


def ngrams(longest: int = 5) -> Finder:
    """All runs of 2 to ``longest`` words: what there is where nothing knows the phrases."""

    def find(sentence: Sentence) -> Iterator[Place]:
        for start in range(len(sentence.words)):
            for stop in range(start + 2, min(start + longest, len(sentence.words)) + 1):
                if all(_says(word.form) for word in sentence.words[start:stop]):
                    yield _phrase(sentence, start, stop, "")

    return find


def morphemes(segment: Segment) -> Finder:
    """The parts of every word that has more than one."""

    def find(sentence: Sentence) -> Iterator[Place]:
        for word in sentence.words:
            parts = segment(word.form)
            if len(parts) < 2 or sum(map(len, parts)) != word.stop - word.start:
                continue
            at = word.start
            for part in parts:
                if _says(part):
                    yield Place(part, "morpheme", 0, "", at, at + len(part))
                at += len(part)

    return find


def _phrase(sentence: Sentence, start: int, stop: int, label: str) -> Place:
    first, last = sentence.words[start], sentence.words[stop - 1]
    text = " ".join(sentence.text[first.start : last.stop].split())
    return Place(text, "phrase", stop - start, label.split("-")[0], first.start, last.stop)


def _tag(word: Word) -> str:
    return word.labels.get("upos") or word.labels.get("xpos") or ""


def _says(text: str) -> bool:
    return any(character.isalnum() for character in text)
