"""Annotated sentences as a corpus for models that read bytes or characters."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import Annotated, Window, WithText
from unitscope.corpus.batch import Batch
from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.documents import Unit
from unitscope.corpus.download import files_of
from unitscope.corpus.formats.which import sentences_of
from unitscope.corpus.opening import shown
from unitscope.corpus.padded import padded
from unitscope.corpus.reading import Characters, Reading
from unitscope.corpus.sentence import Sentence, label_values
from unitscope.corpus.sentences import Sentences
from unitscope.corpus.spilled import Rows, Texts
from unitscope.corpus.vocabulary import Vocabulary, note_unknown
from unitscope.corpus.with_sentences import WithSentences
from unitscope.errors import InputError

CONTEXT = 128
IN_MEMORY = 16
"""Documents whose texts are kept."""
OPEN_ENDED = ("lemma", "deps", "misc.")
"""Beginnings of labels with too many values to be kept with a recording; probes can still ask for them."""
WORD = "word"


def read_treebank(path: Path | str, dialect: Dialect = Dialect(), notes: Notes | None = None) -> Sequence[Sentence]:
    """The sentences of a file, by its ending or by what is in it (``formats.which``): CoNLL-U, CoNLL-U Plus, CoNLL-X,
    CoNLL-2003 and other words with tags of entities, CoNLL-2012, bracketed trees, a table with a word or a sentence a
    row, labelled texts. Packed or not; ``-`` is standard input. The name of a public corpus, such as
    ``ud-english-ewt/dev``, is downloaded once.

    Raises ``InputError`` for a file of no such format or that does not hold what it says, and for an empty one.
    """
    notes = Notes() if notes is None else notes
    files = files_of(path, dialect)
    sentences = Sentences(sentence for file, how in files for sentence in sentences_of(file, how, notes))
    if not len(sentences):
        raise InputError(f"{shown(path)} holds no sentence")
    return sentences


class TreebankCorpus(WithText, WithSentences):
    """Each sentence is a sequence; the model reads up to ``context`` tokens of the same document before it.

    The text of a document is its sentences with line ends between them. ``labels`` gives each character or byte the
    number of its word's class (see ``classes``), NaN between words; ``word`` is the number of the word in its
    sentence.

    Raises ``InputError`` for no sentences, and for a symbol that ``vocabulary`` lacks while it has no ``UNKNOWN`` and
    no ``stand_in`` is given to be read in its place.
    """

    def __init__(
        self,
        sentences: Sequence[Sentence],
        name: str,
        unit: Unit = "bytes",
        vocabulary: Vocabulary | None = None,
        context: int = CONTEXT,
        stand_in: str | None = None,
        notes: Notes | None = None,
    ) -> None:
        if not len(sentences):
            raise InputError(f"{name} has no sentences")
        self.sentences = sentences
        self.name = name
        self.unit = unit
        self.context = context
        self._texts = Texts()
        self._windows = Rows(document="q", begin="q", start="q", stop="q")
        self._names = Texts()
        counts = Counter[str]()
        for document, group in groupby(sentences, key=lambda sentence: sentence.document):
            self._names.append(document)
            parts, start = [], 0
            for sentence in group:
                parts.append(self._symbols(sentence.text) + "\n")
                stop = start + len(parts[-1])
                self._windows.add(len(self._texts), max(0, start - context), start, stop - 1)
                start = stop
            self._texts.append("".join(parts))
            for part in parts:
                counts.update(part)
        self._document_text = lru_cache(IN_MEMORY)(self._texts.__getitem__)
        self.vocabulary = vocabulary or Vocabulary.of(counts)
        self.stand_in = stand_in
        self._unknown = self.vocabulary.ids.get(stand_in) if stand_in is not None else self.vocabulary.unknown
        self._refuse_unknown_symbols()
        self.notes = notes or Notes()
        note_unknown(counts, self.vocabulary, name, self.notes)
        self._annotated = Annotated(self.document_text)

    def __len__(self) -> int:
        return len(self.sentences)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of text, words, labels and cut."""
        digest = hashlib.sha256(json.dumps([self.unit, self.context, self.vocabulary.symbols, self.stand_in]).encode())
        for s in self.sentences:
            words = [[w.form, w.start, w.stop, sorted(w.labels.items()), w.head] for w in s.words]
            whole = [sorted(s.labels.items())] if s.labels else []
            digest.update(json.dumps([s.document, s.text, words, *whole]).encode())
        return digest.hexdigest()

    @cached_property
    def annotations(self) -> tuple[str, ...]:
        found = {name for s in self.sentences for w in s.words for name in w.labels}
        return (WORD, *sorted(name for name in found if not name.startswith(OPEN_ENDED)))

    @cached_property
    def _classes(self) -> dict[str, tuple[str, ...]]:
        return label_values(self.sentences)

    def classes(self, name: str) -> tuple[str, ...]:
        """The values of a label, sorted; a class's number is its place here.

        Raises ``InputError`` for an unknown name, and lists the known ones.
        """
        if name not in self._classes:
            raise InputError(f"{self.name} has no label {name!r}; there are: {', '.join(sorted(self._classes))}")
        return self._classes[name]

    @property
    def reading(self) -> Reading:
        return Characters(self.vocabulary, self.unit, self.stand_in)

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [window.stop - window.start for window in map(self.window, sequences)]

    def batch(self, sequences: Sequence[int]) -> Batch:
        windows = [self.window(number) for number in sequences]
        # With the line end, which is the last target.
        return padded(sequences, windows, lambda w: self._ids(self.document_text(w.document)[w.begin : w.stop + 1]))

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        window = self.window(sequence)
        if name != WORD and name not in self._classes:
            return self._annotated.labels(name, window.document, window.start, window.stop)
        number = {value: float(i) for i, value in enumerate(self._classes.get(name, ()))}
        out = torch.full((window.stop - window.start,), torch.nan)
        ranges = self.words(sequence).tolist()
        for i in reversed(range(len(ranges))):  # of words that share their text the first one counts
            value = float(i) if name == WORD else number.get(self.sentences[sequence].words[i].labels.get(name, ""))
            if value is not None:
                out[ranges[i][0] : ranges[i][1]] = value
        return out

    def tokens_of(self, sequence: int, spans: Int[np.ndarray, "span 2"]) -> Int[np.ndarray, "span 2"]:
        if self.unit == "characters":
            return spans
        widths = np.cumsum([0, *(len(character.encode()) for character in self.sentences[sequence].text)])
        places: Int[np.ndarray, "span 2"] = widths[spans]
        return places

    def window(self, sequence: int) -> Window:
        """Where a sentence lies in its document. Raises ``IndexError`` for a number that there is not."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequence {sequence} of {len(self)}")
        return Window(*self._windows[sequence])

    def document_text(self, document: int) -> str:
        return self._document_text(document)

    def document_name(self, document: int) -> str:
        return self._names[document]

    def text(self, sequence: int) -> str:
        """The text of a sentence, one character per token."""
        return self._symbols(self.sentences[sequence].text)

    def describe(self) -> dict[str, str]:
        words = sum(len(sentence.words) for sentence in self.sentences)
        return {
            "corpus": self.name,
            "corpus size": f"{words:,} words in {len(self):,} sentences of {len(self._texts):,} documents",
            "sequences": f"sentences, each after up to {self.context:,} {self.unit} before it",
            "vocabulary": f"{len(self.vocabulary)} symbols",
            **self.notes.describe(),
        }

    def _symbols(self, text: str) -> str:
        return text if self.unit == "characters" else text.encode().decode("latin-1")

    def _ids(self, text: str) -> Int[np.ndarray, " token"]:
        ids = self.vocabulary.ids
        return np.array([ids.get(symbol, self._unknown) for symbol in text], dtype=np.int64)

    def _refuse_unknown_symbols(self) -> None:
        if self._unknown is not None:
            return
        if self.stand_in is not None:
            raise InputError(f"the stand-in {self.stand_in!r} is no symbol of the vocabulary; choose one that is")
        for sentence in self.sentences:
            lacking = set(self._symbols(sentence.text + "\n")) - self.vocabulary.ids.keys()
            if lacking:
                raise InputError(
                    f"{sentence.where}: the sentence holds {min(lacking)!r}, which the vocabulary of "
                    f"{len(self.vocabulary)} symbols lacks; give a stand-in to be read in its place, such as '?'"
                )
