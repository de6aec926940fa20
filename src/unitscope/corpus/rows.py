"""Texts in the rows of a table: JSON Lines, CSV, TSV, Parquet, or a data set of Hugging Face, one document a row.

A table is named with the column of its texts: ``reviews.parquet:text``, ``tweets.jsonl:body``, ``wikitext/train:text``.
Its texts are copied once into one file on the disk, where any of them is found by its place.
"""

import csv
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow import ArrowException

from unitscope.corpus.documents import TextFile
from unitscope.errors import InputError


def split_name(name: str | Path) -> tuple[Path, str] | None:
    """Table and column of ``TABLE:COLUMN``; None where that is not what is there."""
    path, colon, column = str(name).rpartition(":")
    table = Path(path)
    if not (colon and path and column) or Path(name).exists() or not table.exists():
        return None
    return table, column


def rows(table: Path, column: str) -> Iterator[str]:
    """The texts of a column, in order; rows without one are passed over.

    Raises ``InputError`` for a table of another kind, a column that it lacks, a value that is no text, and rows that
    cannot be read, with the row's place.
    """
    read = _data_set if table.is_dir() else _READERS.get(table.suffix.lower())
    if read is None:
        raise InputError(f"{table} is no table of texts; give one of {', '.join(_READERS)}, or a data set's folder")
    try:
        for place, value in read(table, column):
            if value is not None and not isinstance(value, str):
                raise InputError(f"{place}: {column!r} is {type(value).__name__}, not text; choose another column")
            if value:
                yield value
    except (OSError, UnicodeDecodeError, csv.Error, ArrowException) as error:
        raise InputError(f"{table} cannot be read as a table: {error}") from error


def spool(texts: Iterable[str], name: str) -> list[TextFile]:
    """The texts end to end in a temporary file, and where each lies. The caller removes the file.

    Raises ``InputError`` if there is none.
    """
    stretches = []
    with tempfile.NamedTemporaryFile(prefix="unitscope-", suffix=".txt", delete=False) as file:
        path, start = Path(file.name), 0
        try:
            for number, text in enumerate(texts, 1):
                stop = start + file.write(text.encode())
                stretches.append(TextFile(f"{name}:{number}", path, start, stop))
                start = stop
        except BaseException:
            path.unlink()
            raise
    if not stretches:
        path.unlink()
        raise InputError(f"{name} holds no text; give rows of at least one character")
    return stretches


def _json_lines(table: Path, column: str) -> Iterator[tuple[str, Any]]:
    with table.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise InputError(f"{table}:{number}: this line is no JSON ({error})") from error
            if not isinstance(row, dict):
                raise InputError(f"{table}:{number}: this line is no object with a {column!r}")
            yield f"{table}:{number}", _value(row, column, f"{table}:{number}")


def _separated(table: Path, column: str) -> Iterator[tuple[str, Any]]:
    with table.open(encoding="utf-8", newline="") as file:
        read = csv.DictReader(file, delimiter="\t" if table.suffix.lower() == ".tsv" else ",", restval=None)
        for row in read:
            yield f"{table}:{read.line_num}", _value(row, column, f"{table}:1")


def _parquet(table: Path, column: str) -> Iterator[tuple[str, Any]]:
    with pq.ParquetFile(table) as file:
        _value(dict.fromkeys(file.schema_arrow.names), column, str(table))
        number = 0
        for batch in file.iter_batches(columns=[column]):
            for value in batch.column(0):
                number += 1
                yield f"{table}, row {number}", value.as_py()


def open_data_set(folder: Path) -> Any:
    """The ``datasets.Dataset`` that a folder holds.

    Raises ``InputError`` where the library is missing, for a folder without one, and for one with several parts.
    """
    try:
        import datasets
    except ImportError as error:
        raise InputError("data sets of Hugging Face need another package: pip install 'unitscope[hf]'") from error
    try:
        found = datasets.load_from_disk(str(folder))
    except FileNotFoundError as error:
        raise InputError(f"{folder} holds no data set; give a folder that Dataset.save_to_disk wrote") from error
    if isinstance(found, datasets.DatasetDict):
        raise InputError(f"{folder} holds several parts; give one of them: {', '.join(f'{folder / n}' for n in found)}")
    return found


def _data_set(table: Path, column: str) -> Iterator[tuple[str, Any]]:
    found = open_data_set(table)
    _value(dict.fromkeys(found.column_names), column, str(table))
    for number, value in enumerate(found.select_columns([column]), 1):
        yield f"{table}, row {number}", value[column]


def _value(row: dict[str, Any], column: str, where: str) -> Any:
    if column not in row:
        raise InputError(f"{where}: there is no column {column!r}; there are: {', '.join(map(str, row))}")
    return row[column]


_READERS: dict[str, Callable[[Path, str], Iterator[tuple[str, Any]]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": _separated,
    ".tsv": _separated,
    ".parquet": _parquet,
}
