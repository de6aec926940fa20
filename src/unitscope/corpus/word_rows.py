"""Words and their labels in the rows of a data set of Hugging Face, or of a Parquet file: one sentence a row.

A column ``tokens`` (or ``words``, ``forms``) holds a list of words; every other column with a list of as many values is
a label. Class numbers are told by their names where the data set knows them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow import ArrowException

from unitscope.corpus.rows import open_data_set
from unitscope.corpus.sentence import Sentence, Word
from unitscope.errors import InputError

WORDS = ("tokens", "words", "forms")


def read_word_rows(path: Path) -> Iterator[Sentence]:
    """The sentences of a Parquet file, or of a folder that ``Dataset.save_to_disk`` wrote.

    Words are set apart by one space. A null is an undefined label, and so is the class −1. Raises ``InputError`` naming
    the row for a column of another length, for rows without words, and for a table without a column of words.
    """
    rows, names = _data_set(path) if path.is_dir() else _parquet(path)
    for number, row in enumerate(rows, 1):
        yield _sentence(row, names, path.name, f"{path}, row {number}")


def _sentence(row: Mapping[str, Any], names: Mapping[str, Sequence[str]], document: str, where: str) -> Sentence:
    column = next((name for name in WORDS if isinstance(row.get(name), list)), None)
    if column is None:
        raise InputError(f"{where}: no column {', '.join(WORDS)} holds a list of words; there are: {', '.join(row)}")
    forms = [str(form) for form in row[column]]
    if not forms or not all(form.strip() for form in forms):
        raise InputError(f"{where}: this row has no words, or an empty one; leave it out")
    lists = {name: values for name, values in row.items() if isinstance(values, list) and name != column}
    for name, values in lists.items():
        if len(values) != len(forms):
            raise InputError(f"{where}: {name!r} has {len(values)} values for {len(forms)} words")
    words, at = [], 0
    for place, form in enumerate(forms):
        labels = {name: _label(values[place], names.get(name)) for name, values in lists.items()}
        kept = {name: label for name, label in labels.items() if label is not None}
        words.append(Word(form, at, at + len(form), kept))
        at += len(form) + 1
    return Sentence(" ".join(forms), tuple(words), str(row.get("document") or document), where)


def _label(value: Any, names: Sequence[str] | None) -> str | None:
    if value is None or (isinstance(value, int) and value < 0):
        return None
    return names[value] if names and isinstance(value, int) and value < len(names) else str(value)


def _parquet(path: Path) -> tuple[Iterator[Mapping[str, Any]], dict[str, list[str]]]:
    try:
        with pq.ParquetFile(path) as file:
            told = (file.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
        features = json.loads(told).get("info", {}).get("features", {})
    except (OSError, ValueError, ArrowException) as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from error
    inner = {name: kind.get("feature", kind) for name, kind in features.items() if isinstance(kind, dict)}
    names = {name: kind["names"] for name, kind in inner.items() if isinstance(kind, dict) and "names" in kind}

    def rows() -> Iterator[Mapping[str, Any]]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(256):
                yield from batch.to_pylist()

    return rows(), names


def _data_set(path: Path) -> tuple[Iterator[Mapping[str, Any]], dict[str, list[str]]]:
    found = open_data_set(path)
    inner = {name: getattr(kind, "feature", kind) for name, kind in found.features.items()}
    names = {name: list(kind.names) for name, kind in inner.items() if getattr(kind, "names", None)}
    return iter(found), names
