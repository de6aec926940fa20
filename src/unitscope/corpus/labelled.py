"""Short texts, each a sequence of its own, with or without a class: questions, reviews, sentences.

A file of them is a table (CSV, TSV, JSON Lines, Parquet, a data set of Hugging Face; with a head, or in a published
layout without one, see ``layouts``), the trees of the Stanford Sentiment Treebank, lines that begin with their label
(``3 Who was Galileo ?``), or for each class a file of its own, a text in each line.
"""

import hashlib
import json
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.corpus.annotated import Annotated, Window, WithText
from unitscope.corpus.batch import Batch
from unitscope.corpus.dialect import SENTENCES, Dialect, Notes, ending
from unitscope.corpus.documents import Unit
from unitscope.corpus.download import files_of, named
from unitscope.corpus.formats.brackets import trees
from unitscope.corpus.layouts import LABELS, PARTS, TEXTS, column_of, has_head, headless
from unitscope.corpus.opening import Lines
from unitscope.corpus.padded import padded
from unitscope.corpus.spilled import Pairs, Texts
from unitscope.corpus.tables import Table, is_table, open_table, table_of
from unitscope.corpus.vocabulary import UNKNOWN, Vocabulary, note_unknown
from unitscope.errors import InputError

Labelled = tuple[str, str]
"""A text and its label."""
LOOKED_AT = 50
"""Lines by which the form of a file is found."""
_TREE = re.compile(r"\(\d+ \(")


class LabelledRow(NamedTuple):
    """A text as it stands in a file."""

    text: str
    label: str
    """Empty where it has none."""
    part: str
    """Of the data, by the name that the file gives it; empty where it says none."""
    where: str
    """File and line."""


def read_labelled(
    files: Sequence[str], dialect: Dialect | str = Dialect(), notes: Notes | None = None
) -> Sequence[Labelled]:
    """Texts with their labels, in the order of the files; blank lines are passed over.

    A file is named ``LABEL=FILE`` where all its lines have one label. A public corpus, such as ``trec/train``,
    is downloaded once. ``dialect`` may be an encoding. Raises ``InputError`` with file and line for what cannot be read
    so, and for a text without a label.
    """
    said = Dialect(encoding=dialect) if isinstance(dialect, str) else dialect
    return Pairs((row.text, row.label) for row in labelled_rows(files, said, notes))


def labelled_rows(
    files: Sequence[str], dialect: Dialect = Dialect(), notes: Notes | None = None, bare: bool = False
) -> Iterator[LabelledRow]:
    """As ``read_labelled``, with the part of the data and the place of each. ``bare``: texts may be without labels, so
    that a line of no table is a text as a whole.

    Raises ``InputError`` where there is no text at all.
    """
    notes = Notes() if notes is None else notes
    count = 0
    for name in files:
        for label, path, how in labelled_files(name, dialect):
            for row in _rows(path, how, notes, bare, label):
                count += 1
                yield row
    if not count:
        what = f" of the part {dialect.part}" if dialect.part else ""
        raise InputError(
            f"{', '.join(files) or 'no file'}: there is no text{what}; give a file with a text in each line"
        )


def texts_of(
    files: Sequence[str], classes: Sequence[str], dialect: Dialect = Dialect(), notes: Notes | None = None
) -> tuple[Sequence[str], Sequence[str]]:
    """Texts for a network that knows these classes, and their labels; none unless each text has one.

    Lines of no table begin with their label if each begins with a class. Raises ``InputError`` as ``labelled_rows``.
    """
    texts, bodies = Texts(), Texts()
    labels: list[str] = []
    each_has_one = True
    for row in labelled_rows(files, dialect, notes, bare=True):
        texts.append(row.text)
        if each_has_one:
            label, *body = (row.label, row.text) if row.label else row.text.split(None, 1)
            each_has_one = bool(body) and (bool(row.label) or label in classes)
            if each_has_one:
                labels.append(intern(label))
                bodies.append(body[0])
    return (bodies, labels) if each_has_one else (texts, ())


def labelled_files(name: str, dialect: Dialect = Dialect()) -> list[tuple[str, Path, Dialect]]:
    """Parse a name: the label of all lines (empty where each has its own), the file, and its layout."""
    labels = [file.label for _, file in named(name)]
    label, given, path = name.partition("=")
    if not labels and given and not Path(name).exists():
        return [(label, Path(path), dialect)]
    found = files_of(name, dialect)
    return [(label, path, how) for label, (path, how) in zip(labels or [""], found, strict=True)]


def _rows(path: Path, dialect: Dialect, notes: Notes, bare: bool, label: str) -> Iterator[LabelledRow]:
    """The texts of a file; ``label`` is that of all, where it is told."""
    if ending(path) in SENTENCES:
        raise InputError(
            f"{path} holds annotated sentences, not labelled texts; give a file of texts with their labels"
        )
    if is_table(path):
        with open_table(path, dialect, notes) as table:
            for row in rows_of_table(table, dialect, notes, bare or bool(label)):
                yield row._replace(label=label) if label else row
        return
    with Lines(path, dialect.encoding, notes) as lines:
        first = [line for line in lines.head(LOOKED_AT) if line.strip()]
        if not label and _are_cells(first, dialect):
            yield from rows_of_table(table_of(lines, dialect, notes), dialect, notes, bare)
            return
        if dialect.part:
            raise InputError(
                f"lines of texts have no parts, and {path} is lines; give the file of the part {dialect.part}"
            )
        if label:
            yield from _bare(lines, label)
        elif first and _TREE.match(first[0]):
            for sentence in trees(lines, notes):
                yield LabelledRow(sentence.text, sentence.labels["sentiment"], "", sentence.where)
        elif bare:
            yield from _bare(lines, "")
        else:
            yield from _first_words(lines)


def _are_cells(first: Sequence[str], dialect: Dialect) -> bool:
    """Whether lines are rows of a table: with tabs in each, and columns that are told or known."""
    rows = [line.split("\t") for line in first]
    if not rows or min(map(len, rows)) < 2:
        return False
    return bool(dialect.columns) or has_head(rows[0]) or headless(rows, alone=True) is not None


def _bare(lines: Lines, label: str) -> Iterator[LabelledRow]:
    return (LabelledRow(line.strip(), label, "", lines.where) for line in lines if line.strip())


def _first_words(lines: Lines) -> Iterator[LabelledRow]:
    for line in lines:
        if line.strip():
            label, _, text = line.strip().partition(" ")
            if not text.strip():
                raise InputError(
                    f"{lines.where}: a line is a label, a space and a text; this one is {line!r}. Where all lines of a "
                    "file have one label, say LABEL=FILE"
                )
            yield LabelledRow(text.strip(), label, "", lines.where)


def rows_of_table(table: Table, dialect: Dialect, notes: Notes, bare: bool) -> Iterator[LabelledRow]:
    """The texts of a table, their labels and parts. ``bare``: it may be without labels.

    Raises ``InputError`` for columns that are not found, an empty cell, and a value that is no text.
    """
    told, _, wanted = dialect.part.rpartition("=")
    text = column_of(table.columns, TEXTS, dialect.text or table.text, "text", table.name)
    label = column_of(table.columns, LABELS, dialect.label, "label", table.name)
    part = column_of(table.columns, PARTS, told, "part", table.name)
    there = f"there are: {', '.join(table.columns)}"
    if table.columns and not (text and (label or bare)):
        what, option = ("text", "text") if not text else ("label", "label")
        raise InputError(
            f"{table.name}: no column is the {what}; {there}. Say which: --{option} COLUMN, or name the columns of a "
            "table without a head: --columns label,text"
        )
    if table.columns and wanted and not part:
        raise InputError(f"{table.name} has no column of parts; {there}. Say which: --part COLUMN={wanted}")
    texts = text.split(",")
    for where, values in table.values(*texts, *filter(None, (label, part))):
        said = _class_name(values[len(texts)], table.classes.get(label)) if label else ""
        of = str(values[-1]) if part else ""
        if wanted and of != wanted:
            notes.count(f"rows of other parts than {wanted}, left out")
        elif said is None or all(value is None for value in values[: len(texts)]):
            notes.count("rows without a label or a text, left out")
        else:
            if label and not said:
                raise InputError(f"{where}: this row has no label; give it one, or leave the row out")
            yield LabelledRow(_joined(values[: len(texts)], texts, where), said, of, where)


def _joined(values: Sequence[Any], columns: Sequence[str], where: str) -> str:
    for name, value in zip(columns, values, strict=True):
        if value is not None and not isinstance(value, str):
            raise InputError(f"{where}: {name!r} is {type(value).__name__}, not text; choose another column: --text")
    text = " ".join(value for value in values if value)
    if not text.strip():
        raise InputError(f"{where}: this row has no text; give it one, or leave the row out")
    return text


def _class_name(value: Any, names: Sequence[str] | None) -> str | None:
    """A label as it is called; None for one that is not given (null, or a negative number)."""
    if value is None or (isinstance(value, int | float) and not value >= 0):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers with a null becomes one of fractions
    return names[value] if names and isinstance(value, int) and value < len(names) else str(value)


def symbols_of(texts: Iterable[str], unit: Unit = "characters", at_least: int = 1) -> Vocabulary:
    """The symbols that occur so often, and the unknown one for all others."""
    counts = Counter[str]()
    for text in texts:
        counts.update(as_symbols(text, unit))
    return Vocabulary((*sorted(symbol for symbol, count in counts.items() if count >= at_least), UNKNOWN))


def as_symbols(text: str, unit: Unit) -> str:
    """One character per token: the text itself, or the Latin-1 character of each byte's value."""
    return text if unit == "characters" else text.encode().decode("latin-1")


class LabelledTexts(WithText):
    """Each text is a sequence. The target of its last token is the number of its class; no other token has one.

    ``labels`` are as many as the texts, or none. Without ``vocabulary`` the symbols are those of the texts. A text
    longer than ``longest`` tokens is cut there (0: never). Labels by name are ``class=…`` for each class, and every
    hypothesis. Raises ``InputError`` for an empty text, a label outside ``classes``, and a symbol that ``vocabulary``
    neither has nor has an unknown one for. ``warn`` where more than one symbol in a hundred is unknown.
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
        notes: Notes | None = None,
        warn: bool = True,
    ) -> None:
        if not len(texts) or not all(texts):
            raise InputError(f"{name} has no texts" if not len(texts) else f"{name}: a text is empty; leave it out")
        self.name = name
        self.unit: Unit = unit
        self.longest = longest
        self.texts = texts
        counts = Counter[str]()
        self._sizes = array("q")
        for symbols in map(self._symbols, texts):
            counts.update(symbols)
            self._sizes.append(len(symbols))
        self.vocabulary = vocabulary or Vocabulary.of(counts)
        self.classes = tuple(classes) if classes is not None else tuple(sorted(set(labels)))
        if labels and len(labels) != len(texts):
            raise InputError(f"{name} has {len(texts):,} texts but {len(labels):,} labels")
        unknown = sorted(set(labels) - set(self.classes))
        if unknown:
            raise InputError(f"{name}: {unknown[0]!r} is no class of the network; there are: {', '.join(self.classes)}")
        numbers = {label: number for number, label in enumerate(self.classes)}
        self.targets = array("i", (numbers[label] for label in labels))
        """The number of each text's class; empty where texts have none."""
        if self.vocabulary.unknown is None and counts.keys() - self.vocabulary.ids.keys():
            self._refuse_unknown_symbols()
        self.notes = notes or Notes()
        note_unknown(counts, self.vocabulary, name, self.notes, warn)
        self._annotated = Annotated(self.document_text)

    def _refuse_unknown_symbols(self) -> None:
        for number, text in enumerate(self.texts):
            lacking = set(self._symbols(text)) - self.vocabulary.ids.keys()
            if lacking:
                raise InputError(
                    f"{self.name}: text {number} holds {min(lacking)!r}, which the vocabulary of "
                    f"{len(self.vocabulary)} symbols lacks; leave that text out"
                )

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal SHA-256 of texts, classes and symbols."""
        made = hashlib.sha256(json.dumps([self.classes, self.vocabulary.symbols]).encode())
        made.update(self.targets.tobytes())
        for text in self.texts:
            made.update(json.dumps(self._symbols(text)).encode())
        return made.hexdigest()

    @property
    def annotations(self) -> list[str]:
        return [f"class={name}" for name in self.classes] if self.targets else []

    def lengths(self, sequences: Sequence[int]) -> list[int]:
        return [self._sizes[number] for number in sequences]

    def sides(self) -> list[Int[np.ndarray, " text"]]:
        """The length of every text: what batches of about equal length are made by."""
        return [np.array(self._sizes, dtype=np.int64)]

    def batch(self, sequences: Sequence[int]) -> Batch:
        batch = padded(sequences, [self.window(number) for number in sequences], self._ids)
        targets = torch.full_like(batch.targets, -1)
        if self.targets:
            rows = torch.arange(len(sequences))
            targets[rows, batch.lengths - 1] = torch.tensor([self.targets[number] for number in sequences])
        return replace(batch, targets=targets)

    def labels(self, name: str, sequence: int) -> Float[Tensor, " token"]:
        length = self._sizes[sequence]
        if name in self.annotations:
            return torch.full((length,), float(f"class={self.classes[self.targets[sequence]]}" == name))
        return self._annotated.labels(name, sequence, 0, length)

    def window(self, sequence: int) -> Window:
        """All of its text. Raises ``IndexError`` for a number that there is not."""
        if not 0 <= sequence < len(self):
            raise IndexError(f"sequence {sequence} of {len(self)}")
        return Window(sequence, 0, 0, self._sizes[sequence])

    def document_text(self, document: int) -> str:
        """The text with one character per token."""
        return self._symbols(self.texts[document])

    def document_name(self, document: int) -> str:
        return f"{self.name}:{document + 1}"

    def text(self, sequence: int) -> str:
        """The text of a sequence, one character per token."""
        return self.document_text(sequence)

    def take(self, sequences: Sequence[int]) -> "LabelledTexts":
        """Some of the texts, in this order, with the same symbols and classes."""
        labels = [self.classes[self.targets[number]] for number in sequences] if self.targets else ()
        return self.like([self.texts[number] for number in sequences], labels)

    def like(self, texts: Sequence[str], labels: Sequence[str] = ()) -> "LabelledTexts":
        """Other texts in the same symbols and classes; nothing is warned of if they have unknown symbols."""
        return LabelledTexts(
            texts,
            labels,
            name=self.name,
            vocabulary=self.vocabulary,
            classes=self.classes,
            unit=self.unit,
            longest=self.longest,
            warn=False,
        )

    def describe(self) -> dict[str, str]:
        return {
            "corpus": self.name,
            "sequences": f"{len(self):,} texts of {sum(self._sizes):,} {self.unit} in all",
            "classes": ", ".join(self.classes) if self.targets else "none",
            "vocabulary": f"{len(self.vocabulary)} symbols",
            **self.notes.describe(),
        }

    def _symbols(self, text: str) -> str:
        """Text as the model reads it, one character per token."""
        return as_symbols(text, self.unit)[: self.longest or None]

    def _ids(self, window: Window) -> np.ndarray:
        ids, unknown = self.vocabulary.ids, self.vocabulary.unknown
        return np.array([ids.get(symbol, unknown) for symbol in self.document_text(window.document)], dtype=np.int64)
