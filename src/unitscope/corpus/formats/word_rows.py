"""Words and their labels as lists in the rows of a table: one sentence a row, as data sets of Hugging Face have them.

A column ``tokens`` (or ``words``, ``forms``) holds a list of words; every other column with a list of as many values
is a label. Class numbers are told by their names where the table knows them. ``head`` is a tree, tags such as ``B-PER``
are spans, and so are a list of spans (``[0, 2, "PER"]``) and a bracketed tree. Texts with spans that count characters
do without a list of words.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unitscope.corpus.dialect import Notes
from unitscope.corpus.formats.brackets import spans_of
from unitscope.corpus.formats.words import sentence_of, spans_between
from unitscope.corpus.sentence import Sentence, Span
from unitscope.corpus.tables import Table
from unitscope.errors import InputError
from unitscope.labels.segments import pieces

WORDS = ("tokens", "words", "forms")
SPANS = ("spans", "entities", "mentions", "constituents", "ner", "labels", "label")
"""How a column may be called that holds a list of spans."""
TREES = ("parse_tree", "parse", "tree", "constituency")
"""How a column may be called that holds a bracketed tree."""
DOCUMENTS = ("document", "document_id", "doc_id")


def word_row_sentences(table: Table, notes: Notes) -> Iterator[Sentence]:
    """The sentences of a table. Words are set apart by one space, unless a column ``text`` spells them.

    A null is an undefined label, and so is a negative class number. Rows without words are left out and counted. Raises
    ``InputError`` naming the row for a column of another length and for an empty word.
    """
    for number, (where, row) in enumerate(table.rows(), 1):
        document = next((str(row[name]) for name in DOCUMENTS if row.get(name) is not None), "")
        sentence = _sentence(row, table, document or f"{table.path.name}:{number}", where)
        if sentence is None:
            notes.count("rows without words left out")
        else:
            yield sentence


def holds_words(row: Mapping[str, Any]) -> bool:
    """Whether a row has a list of words, or a text with spans."""
    return any(isinstance(row.get(name), list) for name in WORDS) or (
        isinstance(row.get("text"), str) and any(_are_spans(row.get(name)) for name in SPANS)
    )


def _sentence(row: Mapping[str, Any], table: Table, document: str, where: str) -> Sentence | None:
    column = next((name for name in WORDS if isinstance(row.get(name), list)), None)
    text = row["text"] if isinstance(row.get("text"), str) else ""
    if column is None:
        places = pieces(text)
        forms = [text[first:after] for first, after in places]
    else:
        if any(isinstance(form, list | dict) for form in row[column]):
            raise InputError(
                f"{where}: {column!r} holds {type(row[column][0]).__name__} values, not words; write the words as one "
                "list, and what is known of them as others of as many values"
            )
        forms = ["" if form is None else str(form) for form in row[column]]
        places = [(number, number + 1) for number in range(len(forms))]
        text = text if _spells(text, forms) else ""
    if not forms:
        return None
    if not all(form.strip() for form in forms):
        raise InputError(
            f"{where}: word {[bool(form.strip()) for form in forms].index(False) + 1} of this row is empty"
        )
    labels: dict[str, list[str | None]] = {}
    spans: tuple[Span, ...] = ()
    for name, values in row.items():
        if name in SPANS and _are_spans(values):
            spans = spans or spans_between(values, places, where)
        elif (
            isinstance(values, list) and name != column and not any(isinstance(value, list | dict) for value in values)
        ):
            if len(values) != len(forms):
                raise InputError(f"{where}: {name!r} has {len(values)} values for {len(forms)} words")
            labels[name] = [_label(value, table.classes.get(name)) for value in values]
        elif name in TREES and isinstance(values, str) and values.lstrip().startswith("("):
            spans = spans or spans_of(values, len(forms), where)
    whole = {
        name: said
        for name, value in row.items()
        if isinstance(value, int) and name in table.classes and (said := _label(value, table.classes[name])) is not None
    }
    return sentence_of(forms, labels, document, where, text=text, said=spans, labels=whole)


def _are_spans(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(item, list | tuple | dict) for item in values)


def _spells(text: str, forms: Sequence[str]) -> bool:
    """Whether a text is these words with any blanks between them."""
    return "".join(text.split()) == "".join("".join(form.split()) for form in forms)


def _label(value: Any, names: Sequence[str] | None) -> str | None:
    if value is None or (isinstance(value, int) and value < 0):
        return None
    return names[value] if names and isinstance(value, int) and value < len(names) else str(value)
