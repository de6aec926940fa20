"""Entities as B-, I- and O tags, one word on a line, sentences divided by blank lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from unitscope.corpus.conllu import read_lines
from unitscope.corpus.sentence import Sentence, Span, Word, place
from unitscope.errors import InputError


def read_iob(path: Path, form: int = 0, tag: int = 1) -> Iterator[Sentence]:
    """The sentences of a file; ``form`` and ``tag`` are columns between tabs, counted from 0.

    Labels are ``iob`` (the tag) and ``entity`` (its type; undefined outside); ``spans`` are the entities. An ``I-``
    that continues nothing begins an entity, as in IOB1. The text is that of a comment ``# text = …``, or else the
    words with single spaces. Raises ``InputError`` with file and line for a line that is no tagged word.
    """
    text, document = "", path.name
    rows: list[tuple[str, str, str]] = []  # where, form, tag
    for number, line in enumerate(read_lines(path), 1):
        where = f"{path}:{number}"
        columns = line.split("\t")
        if not line.strip():
            if rows:
                yield _sentence(rows, text, document)
            rows, text = [], ""
        elif line.startswith("# ") and not rows:
            key, _, value = line[1:].partition("=")
            if key.strip() == "text":
                text = value.strip()
            elif key.strip() == "newdoc id":
                document = value.strip()
        elif len(columns) <= max(form, tag) or not columns[form].strip() or not _is_tag(columns[tag]):
            raise InputError(f"{where}: {line!r} has no word in column {form + 1} with a tag in column {tag + 1}")
        else:
            rows.append((where, columns[form].strip(), columns[tag]))
    if rows:
        yield _sentence(rows, text, document)


def _is_tag(tag: str) -> bool:
    return tag == "O" or (tag[:2] in ("B-", "I-") and len(tag) > 2)


def _sentence(rows: Sequence[tuple[str, str, str]], text: str, document: str) -> Sentence:
    text = text or " ".join(form for _, form, _ in rows)
    words = []
    cursor = 0
    for where, form, tag in rows:
        start, cursor = place(text, form, cursor, where)
        words.append(Word(form, start, cursor, {"iob": tag} | ({"entity": tag[2:]} if tag != "O" else {})))
    return Sentence(text, tuple(words), document, rows[0][0], spans(tuple(tag for _, _, tag in rows)))


def spans(tags: Sequence[str]) -> tuple[Span, ...]:
    """The entities that tags mark."""
    found: list[Span] = []
    begin = 0
    for i, tag in enumerate([*tags, "O"]):
        before = tags[i - 1] if i else "O"
        if before != "O" and not (tag[:1] == "I" and tag[2:] == before[2:]):
            found.append(Span(begin, i, before[2:]))
            begin = i
        if before == "O":
            begin = i
    return tuple(found)
