"""Short texts as a corpus for any model: questions, reviews, the sentences of a treebank, texts made on purpose."""

import hashlib
import itertools
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import CHARACTER, Annotated, Window, WithText
from unitscope.corpus.batch import Batch
from unitscope.corpus.dialect import Notes
from unitscope.corpus.reading import Reading
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.spilled import Many, Texts
from unitscope.corpus.subwords import Encoded, last_characters
from unitscope.corpus.vocabulary import Vocabulary, note_lacking
from unitscope.corpus.with_sentences import WithSentences
from unitscope.errors import InputError

IN_MEMORY = 4096
"""Passages whose tokens are kept."""


class _AsSentences(Many[Sentence]):
    """Texts as sentences, each a document of its own."""

    def __init__(self, texts: Sequence[str | Sentence], name: str) -> None:
        self._texts, self._name = texts, name

    def __len__(self) -> int:
        return len(self._texts)

    def _at(self, place: int) -> Sentence:
        return self._made(place, self._texts[place])

    def __iter__(self) -> Iterator[Sentence]:
        return itertools.starmap(self._made, enumerate(self._texts))

    def _made(self, number: int, text: str | Sentence) -> Sentence:
        where = f"{self._name}:{number}"
        return Sentence(text, (), where, where) if isinstance(text, str) else text


class Passages(WithText, WithSentences):
    """Each text is a sequence, read from a fresh start or after up to ``context`` tokens of its document.

    ``texts`` are strings, each a document of its own, or sentences with their words (``read_treebank``). The text of a
    document is its sentences with line ends between them. What does not fit into ``longest`` tokens, one number for all
    or one for each text, is cut off.
    The label of a token is what holds at its last character. What the model does not know is counted in ``notes``, if
    these are given, and warned of above 1 %. Raises ``InputError`` for no texts, for an empty one, and for one with
    more tokens than the model reads.
    """

    def __init__(
        self,
        texts: Sequence[str | Sentence],
        name: str,
        reading: Reading,
        context: int = 0,
        longest: int | Sequence[int] | None = None,
        notes: Notes | None = None,
    ) -> None:
        if not len(texts):
            raise InputError(f"{name} has no texts")
        self.sentences: Sequence[Sentence] = _AsSentences(texts, name)
        self.name = name
        self._reading = reading
        self.context = context
        self.notes = notes or Notes()
        self.longest = longest if longest is None or isinstance(longest, int) else list(longest)
        self._document = array("q")
        self._begin = array("q")  # first character in the document
        self._texts = Texts()
        self._names = Texts()
        for document, group in groupby(self.sentences, key=lambda sentence: sentence.document):
            self._names.append(document)
            parts = []
            length = 0
            for sentence in group:
                self._document.append(len(self._texts))
                self._begin.append(length)
                parts.append(sentence.text)
                length += len(sentence.text) + 1
            self._texts.append("\n".join(parts))
        self._annotated = Annotated(self.document_text)
        self._encoded = lru_cache(IN_MEMORY)(self._encode)
        if notes is not None:
            lacking = Counter(symbol for sentence in self.sentences for symbol in reading.unknown(sentence.text))
            total = sum(len(reading.encode(s.text).ids) for s in self.sentences) if lacking else 0
            note_lacking(lacking, total, len(reading.vocabulary), name, notes)

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def reading(self) -> Reading:
        return self._reading

    @property
    def vocabulary(self) -> Vocabulary:
        return self.reading.vocabulary

    @property
    def annotations(self) -> tuple[str, ...]:
        return (CHARACTER,)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of the texts, the reading and the cut."""
        digest = hashlib.sha256(json.dumps([self.reading.key, self.context, self.longest]).encode())
        for sentence in self.sentences:
            digest.update(json.dumps([sentence.document, sentence.text]).encode())
        return digest.hexdigest()

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self._encoded(int(number)).ids) for number in sequences]

    def batch(self, sequences: Sequence[int]) -> Batch:
        reading = self.reading
        rows, contexts, lengths = [], [], []
        for number in map(int, sequences):
            earlier, ids = self._earlier(number), self._encoded(number).ids.tolist()
            rows.append([*reading.before, *earlier, *ids, *reading.after])
            contexts.append(len(reading.before) + len(earlier))
            lengths.append(contexts[-1] + len(ids))
        steps = max(map(len, rows), default=0)
        tokens = torch.zeros(len(rows), steps, dtype=torch.int64)
        targets = torch.full_like(tokens, -1)
        for row, (ids, first, stop) in enumerate(zip(rows, contexts, lengths, strict=True)):
            tokens[row, : len(ids)] = torch.tensor(ids)
            targets[row, first : stop - 1] = torch.tensor(ids[first + 1 : stop], dtype=torch.int64)
        return Batch(
            tokens=tokens,
            targets=targets,
            context=torch.tensor(contexts, dtype=torch.int64),
            lengths=torch.tensor(lengths, dtype=torch.int64),
            sequence=torch.tensor([int(number) for number in sequences], dtype=torch.int64),
            after=len(reading.after),
        )

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        """Value of a label at the last character of each token; NaN for one that stands for no character."""
        last = last_characters(self.offsets(sequence)) + self._begin[sequence]
        return last if name == CHARACTER else self._annotated.at(name, self._document[sequence], last)

    def offsets(self, sequence: int) -> Int[np.ndarray, "token 2"]:
        """The characters of each token in its own text: the first, and the one after the last."""
        return self._encoded(int(sequence)).offsets

    def tokens_of(self, sequence: int, spans: Int[np.ndarray, "span 2"]) -> Int[np.ndarray, "span 2"]:
        """First token and token after the last of each span of characters of a text."""
        offsets = self.offsets(sequence)
        first = np.searchsorted(offsets[:, 1], spans[:, 0], side="right")
        after = np.searchsorted(offsets[:, 0], spans[:, 1], side="left")
        return np.stack([first, np.maximum(after, first)], 1)

    def window(self, sequence: int) -> Window:
        """Where a text lies in its document; places are characters. Raises ``IndexError`` where there is none."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequence {sequence} of {len(self)}")
        begin = self._begin[sequence]
        return Window(self._document[sequence], begin, begin, begin + len(self.sentences[sequence].text))

    def document_text(self, document: int) -> str:
        """All of a document."""
        return self._texts[document]

    def document_name(self, document: int) -> str:
        return self._names[document]

    def text(self, sequence: int) -> str:
        """The text of a sequence."""
        return self.sentences[sequence].text

    def describe(self) -> dict[str, str]:
        return {
            "corpus": self.name,
            "corpus size": f"{len(self):,} texts of {len(self._texts):,} documents",
            "sequences": f"texts, each after up to {self.context:,} tokens before it",
            "vocabulary": f"{len(self.vocabulary):,} symbols",
            **self.notes.describe(),
        }

    def _encode(self, number: int) -> Encoded:
        encoded = self.reading.encode(self.sentences[number].text)
        longest = self.longest[number] if isinstance(self.longest, list) else self.longest
        encoded = Encoded(encoded.ids[:longest], encoded.offsets[:longest])
        if not len(encoded.ids):
            raise InputError(f"{self.sentences[number].where}: this text has no token; leave it out")
        steps = len(self.reading.before) + self.context + len(encoded.ids) + len(self.reading.after)
        if self.reading.limit is not None and steps > self.reading.limit:
            raise InputError(
                f"{self.sentences[number].where}: {self.sentences[number].text[:60]!r} is {steps} tokens long and the "
                f"model reads {self.reading.limit}; leave it out or shorten it"
            )
        return encoded

    def _earlier(self, number: int) -> list[int]:
        """The tokens of the same document before a text, as many as its context holds."""
        found: list[int] = []
        place = number - 1
        while len(found) < self.context and place >= 0 and self._document[place] == self._document[number]:
            found = [*self._encoded(place).ids.tolist(), *self.reading.encode("\n").ids.tolist(), *found]
            place -= 1
        return found[max(0, len(found) - self.context) :]
