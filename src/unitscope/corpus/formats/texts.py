"""Labelled texts as sentences, for probes of what a model knows of a whole text: SentEval, GLUE, any table."""

import re
from collections.abc import Iterator

from unitscope.corpus.labelled import LabelledRow
from unitscope.corpus.layouts import SENTEVAL
from unitscope.corpus.sentence import Sentence, Word

LABEL = "label"
_BETWEEN_BLANKS = re.compile(r"\S+")


def text_sentences(rows: Iterator[LabelledRow], name: str) -> Iterator[Sentence]:
    """Each text is a document of one sentence; ``label`` is what is known of it; ``part`` is settled if it is told."""
    for number, row in enumerate(rows, 1):
        words = tuple(Word(found[0], found.start(), found.end(), {}) for found in _BETWEEN_BLANKS.finditer(row.text))
        labels = {LABEL: row.label} if row.label else {}
        part = SENTEVAL.get(row.part, row.part)
        yield Sentence(row.text, words, f"{name}:{number}", row.where, labels=labels, part=part)
