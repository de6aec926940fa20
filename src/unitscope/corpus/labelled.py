"""Short texts, each a sequence of its own, with or without a class: questions, reviews, sentences.

Three forms are read: lines that begin with their label (``3 Who was Galileo ?``), a table with the columns ``label``
and ``text``, and one file for each class, a text in each line.
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.corpus.annotated import Annotated, Window, WithText
from unitscope.corpus.batch import Batch
from unitscope.corpus.documents import Unit
from unitscope.corpus.download import fetch, named
from unitscope.corpus.padded import padded
from unitscope.corpus.vocabulary import UNKNOWN, Vocabulary
from unitscope.errors import InputError

Labelled = tuple[str, str]
"""A text and its label."""


def read_labelled(files: Sequence[str], encoding: str = "utf-8") -> list[Labelled]:
    """Texts with their labels, in the order of the files; blank lines are passed over.

    A file is named ``LABEL=FILE`` where all its lines have one label; ``.csv`` and ``.tsv`` files have the columns
    ``label`` and ``text``; in any other the first word of a line is its label. A public corpus, such as ``trec/train``,
    is downloaded once. Raises ``InputError`` with file and line for what cannot be read so.
    """
    found: list[Labelled] = []
    for label, path, written in (one for name in files for one in labelled_files(name, encoding)):
        if label:
            found += [(text, label) for _, text in numbered_lines(path, written)]
        elif path.suffix in (".csv", ".tsv"):
            found += _table(path, written)
        else:
            found += _first_words(path, written)
    if not found:
        raise InputError(f"{', '.join(files) or 'no file'}: there is no text; give a file with a text in each line")
    return found


def labelled_files(name: str, encoding: str = "utf-8") -> list[tuple[str, Path, str]]:
    """What a name stands for: the label of all lines, empty where each has its own, the file, and its encoding."""
    public = [(file.label, fetch(corpus, file), file.encoding) for corpus, file in named(name)]
    label, given, path = name.partition("=")
    alone = (label, Path(path), encoding) if given and not Path(name).exists() else ("", Path(name), encoding)
    return public or [alone]


def numbered_lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """The lines that are not blank, without white space around them, by their number from 1.

    Raises ``InputError`` for a file that cannot be read in this encoding.
    """
    try:
        with path.open(encoding=encoding, newline="\n") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.strip()
    except LookupError as error:
        raise InputError(f"no encoding is called {encoding!r}; utf-8 and latin-1 are the most frequent") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no {encoding} text ({error.reason}); give its encoding, often latin-1") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _first_words(path: Path, encoding: str) -> Iterator[Labelled]:
    for number, line in numbered_lines(path, encoding):
        label, _, text = line.partition(" ")
        if not text.strip():
            raise InputError(f"{path}:{number}: a line is a label, a space and a text; this one is {line!r}")
        yield text.strip(), label


def _table(path: Path, encoding: str) -> Iterator[Labelled]:
    lines = [line for _, line in numbered_lines(path, encoding)]
    rows = csv.DictReader(lines, delimiter="," if path.suffix == ".csv" else "\t")
    if not {"label", "text"} <= set(rows.fieldnames or ()):
        raise InputError(f"{path}:1: a table of texts has the columns label and text, not {rows.fieldnames}")
    for row in rows:
        if not row["label"] or not (row["text"] or "").strip():
            raise InputError(f"{path}: row {rows.line_num} has no label or no text")
        yield row["text"].strip(), row["label"]


def symbols_of(texts: Iterable[str], unit: Unit = "characters", at_least: int = 1) -> Vocabulary:
    """The symbols that occur so often, and the unknown one for all others."""
    counts = Counter(symbol for text in texts for symbol in as_symbols(text, unit))
    return Vocabulary((*sorted(symbol for symbol, count in counts.items() if count >= at_least), UNKNOWN))


def as_symbols(text: str, unit: Unit) -> str:
    """One character per token: the text itself, or the Latin-1 character of each byte's value."""
    return text if unit == "characters" else text.encode().decode("latin-1")


class LabelledTexts(WithText):
    """Each text is a sequence. The target of its last token is the number of its class; no other token has one.

    ``labels`` are as many as the texts, or none. Without ``vocabulary`` the symbols are those of the texts. A text
    longer than ``longest`` tokens is cut there (0: never). Labels by name are ``class=…`` for each class, and every
    hypothesis. Raises ``InputError`` for an empty text, a label outside ``classes``, and a symbol that ``vocabulary``
    neither has nor has an unknown one for.
    """

    def __init__(
        self,
        texts: Sequence[str],
        labels: Sequence[str] = (),
        *,
        name: str,
        vocabulary: Vocabulary | None = None,
        classes: Sequence[str] | None = None,
        unit: Unit = "characters",
        longest: int = 0,
    ) -> None:
        if not texts or not all(texts):
            raise InputError(f"{name} has no texts" if not texts else f"{name}: a text is empty; leave it out")
        self.name = name
        self.unit: Unit = unit
        self.longest = longest
        self.texts = tuple(texts)
        self.symbols = tuple(as_symbols(text, unit)[: longest or None] for text in texts)
        self.vocabulary = vocabulary or Vocabulary.of(symbol for text in self.symbols for symbol in text)
        self.classes = tuple(classes) if classes is not None else tuple(sorted(set(labels)))
        if labels and len(labels) != len(texts):
            raise InputError(f"{name} has {len(texts):,} texts but {len(labels):,} labels")
        unknown = sorted(set(labels) - set(self.classes))
        if unknown:
            raise InputError(f"{name}: {unknown[0]!r} is no class of the network; there are: {', '.join(self.classes)}")
        self.targets = tuple(self.classes.index(label) for label in labels)
        self._refuse_unknown_symbols()
        self._annotated = Annotated(self.document_text)

    def _refuse_unknown_symbols(self) -> None:
        if self.vocabulary.unknown is not None:
            return
        for number, text in enumerate(self.symbols):
            lacking = set(text) - self.vocabulary.ids.keys()
            if lacking:
                raise InputError(
                    f"{self.name}: text {number} holds {min(lacking)!r}, which the vocabulary of "
                    f"{len(self.vocabulary)} symbols lacks; leave that text out"
                )

    def __len__(self) -> int:
        return len(self.symbols)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of texts, classes and symbols."""
        content = [self.symbols, self.targets, self.classes, self.vocabulary.symbols]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def annotations(self) -> list[str]:
        return [f"class={name}" for name in self.classes] if self.targets else []

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [len(self.symbols[number]) for number in sequences]

    def sides(self) -> list[list[int]]:
        """The length of every text: what batches of about equal length are made by."""
        return [self.lengths(range(len(self)))]

    def batch(self, sequences: Sequence[int]) -> Batch:
        batch = padded(sequences, [self.window(number) for number in sequences], self._ids)
        targets = torch.full_like(batch.targets, -1)
        if self.targets:
            rows = torch.arange(len(sequences))
            targets[rows, batch.lengths - 1] = torch.tensor([self.targets[number] for number in sequences])
        return Batch(batch.tokens, targets, batch.context, batch.lengths, batch.sequence)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        length = len(self.symbols[sequence])
        if name in self.annotations:
            return torch.full((length,), float(f"class={self.classes[self.targets[sequence]]}" == name))
        return self._annotated.labels(name, sequence, 0, length)

    def window(self, sequence: int) -> Window:
        """All of its text. Raises ``IndexError`` for a number that there is not."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequence {sequence} of {len(self)}")
        return Window(sequence, 0, 0, len(self.symbols[sequence]))

    def document_text(self, document: int) -> str:
        """The text with one character per token."""
        return self.symbols[document]

    def document_name(self, document: int) -> str:
        return f"{self.name}:{document + 1}"

    def text(self, sequence: int) -> str:
        """The text of a sequence, one character per token."""
        return self.symbols[sequence]

    def take(self, sequences: Sequence[int]) -> "LabelledTexts":
        """Some of the texts, in this order, with the same symbols and classes."""
        labels = [self.classes[self.targets[number]] for number in sequences] if self.targets else ()
        return self.like([self.texts[number] for number in sequences], labels)

    def like(self, texts: Sequence[str], labels: Sequence[str] = ()) -> "LabelledTexts":
        """Other texts in the same symbols and classes."""
        return LabelledTexts(
            texts,
            labels,
            name=self.name,
            vocabulary=self.vocabulary,
            classes=self.classes,
            unit=self.unit,
            longest=self.longest,
        )

    def describe(self) -> dict[str, str]:
        return {
            "corpus": self.name,
            "sequences": f"{len(self):,} texts of {sum(map(len, self.symbols)):,} {self.unit} in all",
            "classes": ", ".join(self.classes) if self.targets else "none",
            "vocabulary": f"{len(self.vocabulary)} symbols",
        }

    def _ids(self, window: Window) -> np.ndarray:
        ids, unknown = self.vocabulary.ids, self.vocabulary.unknown
        return np.array([ids.get(symbol, unknown) for symbol in self.symbols[window.document]], dtype=np.int64)
