"""Any number of annotated sentences: they lie on the disk, and the last few that were asked for are in memory."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator

from unitscope.corpus.sentence import Sentence, Span, Word
from unitscope.corpus.spilled import Many, Texts

KEPT = 256
"""Sentences that stay in memory: a batch is asked for several times."""


class Sentences(Many[Sentence]):
    """As they were given."""

    def __init__(self, sentences: Iterable[Sentence] = ()) -> None:
        self._written = Texts(map(_written, sentences))
        self._kept: OrderedDict[int, Sentence] = OrderedDict()

    def __len__(self) -> int:
        return len(self._written)

    def _at(self, place: int) -> Sentence:
        found = self._kept.get(place)
        if found is None:
            found = self._kept[place] = _read(self._written[place])
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def __iter__(self) -> Iterator[Sentence]:
        return map(_read, self._written)


def _written(of: Sentence) -> str:
    words, silent = ([[w.form, w.start, w.stop, w.labels, w.head] for w in part] for part in (of.words, of.silent))
    spans = [[span.start, span.stop, span.label, span.function] for span in of.spans]
    return json.dumps([of.text, words, of.document, of.where, spans, silent, of.labels, of.part])


def _read(written: str) -> Sentence:
    text, words, document, where, spans, silent, labels, part = json.loads(written)
    return Sentence(
        text,
        tuple(Word(*word) for word in words),
        document,
        where,
        tuple(Span(*span) for span in spans),
        tuple(Word(*word) for word in silent),
        labels,
        part,
    )
