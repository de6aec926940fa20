"""Bracketed constituency trees, as in the Penn Treebank: ``(S (NP (PRP I)) (VP (VBP agree)))``."""

import re
from collections.abc import Iterator
from pathlib import Path

from unitscope.corpus.conllu import read_lines
from unitscope.corpus.sentence import Sentence, Span, Word
from unitscope.errors import InputError

PIECES = re.compile(r"[()]|[^()\s]+")
ESCAPED = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
EMPTY = "-NONE-"
"""The label of traces, which have no text."""


def read_brackets(path: Path) -> Iterator[Sentence]:
    """The trees of a file, one at a time.

    A word's part of speech is its label ``xpos``; constituents, a parent before its children, are ``spans``.
    Words are set apart by one space, since trees do not say how they were written. Traces are left out.
    Raises ``InputError`` with file and line for brackets that do not match and for a tree without words.
    """
    reader = _Reader(path)
    for number, line in enumerate(read_lines(path), 1):
        for piece in PIECES.findall(line):
            sentence = reader.take(piece, number)
            if sentence is not None:
                yield sentence
    if reader.open:
        raise InputError(f"{path}:{reader.begin}: the tree that begins here is never closed")


class _Reader:
    """Open constituents, and the words so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.begin = 0
        self.open: list[tuple[str, int, int]] = []  # label, first word, place among the spans
        self.fresh = False  # an opening bracket has just been read
        self._clear()

    def _clear(self) -> None:
        self.words: list[Word] = []
        self.spans: list[Span | None] = []
        self.at = 0

    def take(self, piece: str, number: int) -> Sentence | None:
        """One bracket or word; the sentence if it is complete."""
        where = f"{self.path}:{number}"
        if piece == "(":
            if not self.open:
                self._clear()
                self.begin = number
            self.open.append(("", len(self.words), len(self.spans)))
            self.spans.append(None)
            self.fresh = True
            return None
        if piece == ")":
            return self._close(where)
        if not self.open:
            raise InputError(f"{where}: {piece!r} stands outside any bracket")
        label, first, place = self.open[-1]
        if self.fresh:
            self.open[-1] = (piece, first, place)
        elif label != EMPTY:
            form = ESCAPED.get(piece, piece)
            self.at += 1 if self.words else 0
            self.words.append(Word(form, self.at, self.at + len(form), {"xpos": label}))
            self.at += len(form)
            self.spans[place] = Span(-1, -1, "")  # a part of speech is no constituent
        self.fresh = False
        return None

    def _close(self, where: str) -> Sentence | None:
        if not self.open:
            raise InputError(f"{where}: a bracket closes that was never opened")
        self.fresh = False
        label, first, place = self.open.pop()
        if self.spans[place] is None and len(self.words) > first and label:
            self.spans[place] = Span(first, len(self.words), label)
        if self.open:
            return None
        if not self.words:
            raise InputError(f"{self.path}:{self.begin}: the tree that begins here has no words")
        text = " ".join(word.form for word in self.words)
        spans = tuple(span for span in self.spans if span is not None and span.start >= 0)
        return Sentence(text, tuple(self.words), self.path.name, f"{self.path}:{self.begin}", spans)
