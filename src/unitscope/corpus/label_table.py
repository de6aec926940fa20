"""Labels of words as a table with a head: CSV or TSV, one word a row."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from unitscope.corpus.sentence import Sentence, Word
from unitscope.errors import InputError


def read_table(path: Path) -> Iterator[Sentence]:
    """The sentences of a table with the columns ``sentence`` and ``form``; every other column is a label.

    Rows with the same ``sentence`` stand together; a column ``document`` says which document it belongs to. An empty
    cell is an undefined label. Words are set apart by one space. Raises ``InputError`` with file and line for a row
    that does not fit the head.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, delimiter="," if path.suffix == ".csv" else "\t", restkey="", restval=None)
            if not {"sentence", "form"} <= set(rows.fieldnames or ()):
                raise InputError(f"{path}:1: a table of labels has the columns sentence and form in its first line")
            checked = (_checked(row, f"{path}:{rows.line_num}") for row in rows)
            for _, group in groupby(checked, key=lambda item: item[1]["sentence"]):
                yield _sentence(list(group), path.name)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from error


def _checked(row: Mapping[str, str | None], where: str) -> tuple[str, dict[str, str]]:
    if "" in row or None in row.values():
        raise InputError(f"{where}: this row has more or fewer cells than the head")
    whole = {name: value or "" for name, value in row.items()}
    if not whole["form"]:
        raise InputError(f"{where}: this row has no form")
    return where, whole


def _sentence(rows: Sequence[tuple[str, dict[str, str]]], name: str) -> Sentence:
    words = []
    at = 0
    for _, row in rows:
        labels = {key: value for key, value in row.items() if value and key not in ("sentence", "form", "document")}
        words.append(Word(row["form"], at, at + len(row["form"]), labels))
        at += len(row["form"]) + 1
    text = " ".join(word.form for word in words)
    return Sentence(text, tuple(words), rows[0][1].get("document") or name, rows[0][0])
