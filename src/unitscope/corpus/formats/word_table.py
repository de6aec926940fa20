"""Labels of words as a table with a head, one word a row."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unitscope.corpus.dialect import Notes
from unitscope.corpus.formats.words import sentence_of
from unitscope.corpus.sentence import Sentence
from unitscope.corpus.tables import Table
from unitscope.errors import InputError

SENTENCES = ("sentence", "sentence_id", "sent_id", "sentence #")
FORMS = ("form", "word", "token")
DOCUMENT = "document"


def columns_of(table: Table) -> tuple[str, str] | None:
    """The columns that number the sentences and hold the words; None where the table is of another kind."""
    lower = {name.lower(): name for name in table.columns}
    sentence = next((lower[name] for name in SENTENCES if name in lower), None)
    form = next((lower[name] for name in FORMS if name in lower), None)
    return (sentence, form) if sentence is not None and form is not None else None


def word_table_sentences(table: Table, notes: Notes) -> Iterator[Sentence]:
    """The sentences of a table with the columns ``sentence`` and ``form``; every other column is a label.

    Rows of a sentence stand together; where ``sentence`` is empty, a row goes on with the sentence before. A column
    ``document`` says which document it belongs to, ``head`` is a tree. An empty cell is an undefined label. Words are
    set apart by one space. Raises ``InputError`` with file and line for a row without a form, and for a sentence that
    comes again after another.
    """
    found = columns_of(table)
    if found is None:
        raise InputError(
            f"{table.name}: a table of labels has the columns sentence and form, not {', '.join(table.columns)}"
        )
    sentence, form = found
    rows: list[tuple[str, Mapping[str, Any]]] = []
    current: tuple[str, str] | None = None
    done: dict[tuple[str, str], str] = {}
    for where, row in table.rows():
        if not row[form]:
            raise InputError(f"{where}: this row has no {form}; give it a word, or leave it out")
        number = row[sentence]
        key = (str(row.get(DOCUMENT, "")), str(number))
        if current is None or (number not in ("", None) and key != current):
            if rows:
                yield _sentence(rows, table, sentence, form)
            if key in done:
                raise InputError(
                    f"{where}: {sentence} {number} has already been at {done[key]}; sort the table by sentences, or "
                    f"tell documents apart in a column {DOCUMENT}"
                )
            done[key] = where
            rows, current = [], key
        rows.append((where, row))
    if rows:
        yield _sentence(rows, table, sentence, form)
    if DOCUMENT not in table.columns:
        notes.fact(f"{table.path.name} has no column {DOCUMENT}, so it is one document")


def _sentence(rows: Sequence[tuple[str, Mapping[str, Any]]], table: Table, sentence: str, form: str) -> Sentence:
    names = [name for name in table.columns if name not in (sentence, form, DOCUMENT)]
    columns = {name: [_value(row.get(name), table.classes.get(name)) for _, row in rows] for name in names}
    document = str(rows[0][1].get(DOCUMENT) or table.path.name)
    return sentence_of([str(row[form]) for _, row in rows], columns, document, rows[0][0])


def _value(value: Any, names: Sequence[str] | None) -> str | None:
    if value is None or value == "":
        return None
    return names[value] if names and isinstance(value, int) and 0 <= value < len(names) else str(value)
