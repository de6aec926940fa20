"""Bracketed trees: constituents as in the Penn Treebank, ``(S (NP (PRP I)) (VP (VBP agree)))``, and sentiments as in
the Stanford Sentiment Treebank, ``(3 (2 It) (4 works))``.
"""

import re
from collections.abc import Iterator

from unitscope.corpus.dialect import Notes
from unitscope.corpus.opening import Lines
from unitscope.corpus.sentence import Sentence, Span, Word
from unitscope.errors import InputError

PIECES = re.compile(r"[()]|[^()\s]+")
NOTICES = ("*", ";", "#", "%")
"""What lines between trees begin with that are none: notices of a release, comments."""
ESCAPED = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
    "``": '"',
    "''": '"',
}
"""What the treebank wrote in place of brackets and quotation marks."""
EMPTY = "-NONE-"
"""The label of traces, which have no text."""
SENTIMENT = "sentiment"
_FUNCTION = re.compile(r"(?<=.)[-=]")


def trees(lines: Lines, notes: Notes) -> Iterator[Sentence]:
    """The trees of a file, one at a time.

    A word's part of speech is its label ``xpos``, or ``sentiment`` where it is a number, which the sentence then has
    too. Constituents, a parent before its children, are ``spans``: ``NP-SBJ-1`` is an NP of the function SBJ. Words are
    set apart by one space, since trees do not say how they were written. Traces and notices are left out.
    Raises ``InputError`` with file and line for brackets that do not match and for a tree without words.
    """
    reader = _Reader(lines)
    for line in lines:
        if not reader.open and line.lstrip().startswith(NOTICES):
            notes.count("lines of notices left out")
            continue
        for piece in PIECES.findall(line):
            sentence = reader.take(piece)
            if sentence is not None:
                yield sentence
    if reader.open:
        raise InputError(f"{lines.name}:{reader.begin}: the tree that begins here is never closed")
    notes.count("traces left out", reader.traces)


def spans_of(tree: str, words: int, where: str) -> tuple[Span, ...]:
    """The constituents of one tree. Raises ``InputError`` where it has other words than ``words`` many."""
    reader = _Reader(None, where)
    found = [sentence for piece in PIECES.findall(tree) if (sentence := reader.take(piece))]
    if len(found) != 1 or reader.open or len(found[0].words) != words:
        raise InputError(f"{where}: the tree {tree[:60]!r} is not one tree of {words} words")
    return found[0].spans


def parted(label: str) -> tuple[str, str]:
    """The kind of a constituent and its function: NP and SBJ of ``NP-SBJ-1``, without the numbers of traces."""
    if label.startswith("-"):
        return label, ""
    kind, *others = _FUNCTION.split(label)
    return kind, "-".join(part for part in others if part and not part.isdigit())


class _Reader:
    """Open constituents, and the words so far."""

    def __init__(self, lines: Lines | None, where: str = "") -> None:
        self._lines = lines
        self._where = where
        self.begin = 0
        self.traces = 0
        self.open: list[tuple[str, int, int]] = []  # label, first word, place among the spans
        self.fresh = False  # an opening bracket has just been read
        self._clear()

    def _clear(self) -> None:
        self.words: list[Word] = []
        self.spans: list[Span | None] = []
        self.at = 0

    @property
    def where(self) -> str:
        return self._lines.where if self._lines else self._where

    def take(self, piece: str) -> Sentence | None:
        """One bracket or word; the sentence if it is complete."""
        if piece == "(":
            if not self.open:
                self._clear()
                self.begin = self._lines.number if self._lines else 0
            self.open.append(("", len(self.words), len(self.spans)))
            self.spans.append(None)
            self.fresh = True
            return None
        if piece == ")":
            return self._close()
        if not self.open:
            raise InputError(f"{self.where}: {piece!r} stands outside any bracket; lines between trees begin with *")
        label, first, place = self.open[-1]
        if self.fresh:
            self.open[-1] = (piece, first, place)
        elif label == EMPTY:
            self.traces += 1
        else:
            form = ESCAPED.get(piece) or piece.replace("\\/", "/").replace("\\*", "*")
            self.at += 1 if self.words else 0
            kind, function = parted(label)
            said = {SENTIMENT if kind.isdigit() else "xpos": kind} | ({"function": function} if function else {})
            self.words.append(Word(form, self.at, self.at + len(form), said))
            self.at += len(form)
            self.spans[place] = Span(-1, -1, "")  # a part of speech is no constituent
        self.fresh = False
        return None

    def _close(self) -> Sentence | None:
        if not self.open:
            raise InputError(f"{self.where}: a bracket closes that was never opened")
        self.fresh = False
        label, first, place = self.open.pop()
        if self.spans[place] is None and len(self.words) > first and label:
            self.spans[place] = Span(first, len(self.words), *parted(label))
        if self.open:
            return None
        where = f"{self._lines.name}:{self.begin}" if self._lines else self._where
        if not self.words:
            raise InputError(f"{where}: the tree that begins here has no words")
        text = " ".join(word.form for word in self.words)
        spans = tuple(span for span in self.spans if span is not None and span.start >= 0)
        root = parted(label)[0]
        said = {SENTIMENT: root} if root.isdigit() else {}
        document = self._lines.path.name if self._lines else ""
        return Sentence(text, tuple(self.words), document, where, spans, labels=said)
