"""Plain text as a corpus: bytes or characters of files, cut into windows."""

import hashlib
import json
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float, Integer
from torch import Tensor

from unitscope.corpus.annotated import KEPT, Annotated, Annotation, Window, WithText
from unitscope.corpus.batch import Batch
from unitscope.corpus.dialect import Notes
from unitscope.corpus.documents import Documents, codes, decode
from unitscope.corpus.padded import padded
from unitscope.corpus.place import DocumentText
from unitscope.corpus.splits import Part, Split
from unitscope.corpus.stretches import Stretches
from unitscope.corpus.vocabulary import Vocabulary, note_unknown
from unitscope.errors import InputError

LENGTH = 1024
CONTEXT = 128


class TextCorpus(WithText):
    """Windows over the documents of a text.

    A sequence is a window of ``length`` tokens (fewer at the end of a stretch); the model reads up to ``context``
    tokens of the same document before it, which are not counted. Where a window lies is arithmetic over the table of
    documents, so any sequence is found by its number. Memory holds the last few short documents, or one long one, with
    the labels that were asked for; reading sequences in order reads each document once.

    A byte is the Latin-1 character of its value, in the vocabulary, in ``text`` and in what annotations are given.

    Raises ``InputError`` if the part is empty, or if the text holds a symbol that ``vocabulary`` lacks and has no
    ``UNKNOWN`` for.
    """

    def __init__(
        self,
        documents: Documents,
        name: str,
        split: Split = Split(),
        vocabulary: Vocabulary | None = None,
        length: int = LENGTH,
        context: int = CONTEXT,
        annotations: Mapping[str, Annotation] | None = None,
        notes: Notes | None = None,
    ) -> None:
        if length < 1 or context < 0:
            raise InputError(f"sequences have at least 1 token and context at least 0, not {length} and {context}")
        self.documents = documents
        self.name = name
        self.split = split
        self.length = length
        self.context = context
        self.annotations = dict(annotations or {})
        self.notes = notes or Notes()
        self.vocabulary = vocabulary or documents.vocabulary()
        self._stretches = Stretches(documents.entries, split, length)
        if not len(self._stretches):
            raise InputError(
                f"the {split.part} part of {name} is empty: it has {documents.tokens:,} {documents.unit} in "
                f"{documents.files:,} files, and the split is {split.kind}; give more text or another split"
            )
        self._loaded: OrderedDict[int, Integer[np.ndarray, " token"]] = OrderedDict()
        self._annotated = Annotated(self.document_text, self.annotations)
        self._id_of_code = _lookup(self.vocabulary, documents)
        self._refuse_unknown_symbols()
        note_unknown(self._counts(), self.vocabulary, name, self.notes)

    def __repr__(self) -> str:
        return f"<TextCorpus {self.name}: {len(self):,} sequences, {len(self.vocabulary):,} symbols>"

    def part(self, part: Part) -> "TextCorpus":
        """Another part of the same text, with the same vocabulary and cut."""
        return TextCorpus(
            self.documents,
            self.name,
            self.split.of(part),
            self.vocabulary,
            self.length,
            self.context,
            self.annotations,
            self.notes,
        )

    def __len__(self) -> int:
        return self._stretches.windows

    @property
    def tokens(self) -> int:
        """Tokens of this part."""
        return self._stretches.tokens

    @cached_property
    def fingerprint(self) -> str:
        cut = [self.documents.unit, self.vocabulary.symbols, self.length, self.context]
        made = hashlib.sha256(json.dumps(cut).encode())
        for document, first, after in self._stretches:  # there may be millions
            made.update(f"{self.documents.entries.digest(document)} {first} {after}\n".encode())
        return made.hexdigest()

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        windows = [self.window(number) for number in sequences]
        return [window.stop - window.start for window in windows]

    def batch(self, sequences: Sequence[int]) -> Batch:
        windows = [self.window(number) for number in sequences]
        return padded(sequences, windows, lambda w: self._load(w.document)[w.begin : w.stop + 1])

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        window = self.window(sequence)
        return self._annotated.labels(name, window.document, window.start, window.stop)

    def text(self, sequence: int) -> str:
        """The counted text of a sequence, one character per token."""
        window = self.window(sequence)
        return self.document_text(window.document)[window.start : window.stop]

    def window(self, sequence: int) -> Window:
        """Where a sequence lies. Raises ``IndexError`` for a number that there is not."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequence {sequence} of {len(self)}")
        document, start, stop = self._stretches.window(int(sequence))
        return Window(document, max(0, start - self.context), start, stop)

    def document(self, number: int) -> DocumentText:
        """A document by its number; of a long file it is a piece."""
        entry = self.documents.entries[number]
        return DocumentText(entry.name, entry.digest, self.document_text(number), self.documents.whole(number))

    def stretches(self) -> Iterator[tuple[Integer[np.ndarray, " token"], int]]:
        """The ids of each stretch of this part, in order, and the id that follows it in its document or -1."""
        for document, first, after in self._stretches:
            ids = self._load(document)
            yield ids[first:after], int(ids[after]) if after < len(ids) else -1

    def describe(self) -> dict[str, str]:
        unit = self.documents.unit
        files = f"{self.documents.files:,} files" if self.documents.files > 1 else "1 file"
        part = "all" if self.split.part == "all" else f"{self.split.part} ({self.split.kind} split)"
        return {
            "corpus": self.name,
            "corpus size": f"{self.documents.tokens:,} {unit} in {files}",
            "corpus part": f"{part}: {self.tokens:,} {unit}",
            "sequences": f"{len(self):,} of up to {self.length:,} {unit}, each after up to {self.context:,} before it",
            "vocabulary": f"{len(self.vocabulary)} symbols",
            **self.notes.describe(),
        }

    def document_text(self, document: int) -> str:
        """All of a document, one character per token."""
        entry = self.documents.entries[document]
        content = entry.read()
        if self.documents.unit == "bytes":
            return content.decode("latin-1")
        return decode(content, entry.path, entry.start)

    def _load(self, number: int) -> Integer[np.ndarray, " token"]:
        """The ids of a document, from memory or disk."""
        if number in self._loaded:
            self._loaded.move_to_end(number)
            return self._loaded[number]
        document = self.documents.entries[number]
        values = codes(document.read(), self.documents.unit, document.path, document.start)
        ids: Integer[np.ndarray, " token"] = self._id_of_code[values]
        self._loaded[number] = ids
        while len(self._loaded) > 1 and sum(map(len, self._loaded.values())) > KEPT:
            self._loaded.popitem(last=False)
        return ids

    def _counts(self) -> Mapping[str, int]:
        """Frequency of each symbol in this part; where the model knows all of them, in all of the text."""
        if self.split.part == "all" or self.documents.counts.keys() <= self.vocabulary.ids.keys():
            return self.documents.counts
        counts: Counter[str] = Counter()
        for document, first, after in self._stretches:
            entry = self.documents.entries[document]
            values = codes(entry.read(), self.documents.unit, entry.path, entry.start)[first:after]
            counts.update(
                {chr(code): int(times) for code, times in zip(*np.unique(values, return_counts=True), strict=True)}
            )
        return counts

    def _refuse_unknown_symbols(self) -> None:
        lacking = set(self.documents.counts) - set(self.vocabulary.symbols)
        if not lacking or self.vocabulary.unknown is not None:
            return
        wanted = np.array([ord(symbol) for symbol in lacking])
        read = -1
        for number, _, _ in self._stretches:
            if number == read:
                continue
            read, document = number, self.documents.entries[number]
            content = document.read()
            values = codes(content, self.documents.unit, document.path, document.start)
            hits = np.flatnonzero(np.isin(values, wanted))
            if len(hits):
                token = int(hits[0])
                before = content[:token] if self.documents.unit == "bytes" else content.decode()[:token].encode()
                offset = document.start + len(before)
                raise InputError(
                    f"{document.path} holds {chr(int(values[token]))!r} at byte {offset}, and the vocabulary of "
                    f"{len(self.vocabulary)} symbols does not; leave that file out, or use a model that was trained "
                    "with an unknown symbol"
                )


def _lookup(vocabulary: Vocabulary, documents: Documents) -> np.ndarray:
    """The id of each code, as narrow as the vocabulary allows.

    Codes outside the vocabulary become the unknown symbol; without one they are refused before any is looked up.
    """
    dtype = np.uint8 if len(vocabulary) <= 1 << 8 else np.uint16 if len(vocabulary) <= 1 << 16 else np.uint32
    size = 256 if documents.unit == "bytes" else 0x110000
    table = np.full(size, vocabulary.unknown or 0, dtype)
    for symbol, number in vocabulary.ids.items():
        if len(symbol) == 1 and ord(symbol) < size:
            table[ord(symbol)] = number
    return table
