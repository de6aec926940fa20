"""Words in columns with tags of entities: CoNLL-2003 and its relatives, a word a line, a blank line between sentences.

Tags are any of BIO (IOB1 and IOB2), BIOES and BILOU, with the type before or after (``B-PER``, ``PER-B``) or without.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unitscope.corpus.dialect import Dialect, Notes
from unitscope.corpus.opening import Lines
from unitscope.corpus.sentence import Sentence, Span, Word, place
from unitscope.errors import InputError

LOOKED_AT = 2000
"""Lines by which the columns of a file are found."""
FORMS = ("form", "word", "token")
TAGS = ("entity", "iob", "bio", "ner", "tag")
"""How the columns of words and of tags may be called."""
CONLL2003 = ("form", "xpos", "chunk", "entity")
BORDER = "-DOCSTART-"
BARE = "entity"
"""The type of entities whose tags have none."""
_FIRST = re.compile(r"([BIESLUMW])(?:[-_](.+))?")
_LAST = re.compile(r"(.+)[-_]([BIESLUMW])")
_SAME = {"L": "E", "U": "S", "M": "I", "W": "S"}


def parsed(tag: str) -> tuple[str, str] | None:
    """Parse a tag: B, I, E (the last word) or S (the only one) and the type, or O; None if it is no tag."""
    if tag == "O":
        return "O", ""
    if found := _FIRST.fullmatch(tag):
        letter, kind = found.groups()
    elif found := _LAST.fullmatch(tag):
        kind, letter = found.groups()
    else:
        return None
    return _SAME.get(letter, letter), kind or BARE


def spans(tags: Sequence[str]) -> tuple[Span, ...]:
    """The entities that tags mark. An ``I-`` that continues nothing begins one, as in IOB1; one that is no tag is O."""
    found: list[Span] = []
    begin, kind, is_open = 0, "", False
    for number, tag in enumerate([*tags, "O"]):
        letter, own = parsed(tag) or ("O", "")
        continues = is_open and letter in ("I", "E") and own == kind
        if is_open and not continues:
            found.append(Span(begin, number, kind))
        if not continues:
            begin, kind = number, own
        is_open = letter in ("B", "I")
        if letter in ("E", "S"):
            found.append(Span(begin, number + 1, kind))
    return tuple(found)


@dataclass(frozen=True)
class Columns:
    """Layout of the lines of a file."""

    between: str | None
    """A tab, or None for any blanks."""
    width: int
    form: int
    tag: int
    others: tuple[tuple[int, str], ...]
    """Columns that are labels, and their names."""


def tagged_sentences(lines: Lines, dialect: Dialect, notes: Notes) -> Iterator[Sentence]:
    """The sentences of a file; ``-DOCSTART-`` begins a document.

    Labels are ``iob`` (the tag) and ``entity`` (its type; undefined outside); ``spans`` are the entities. The text is
    that of a comment ``# text = …``, or else the words with single spaces. Raises ``InputError`` with file and line for
    a line that is no tagged word.
    """
    columns = _columns(lines, dialect, notes)
    text, document, documents = "", lines.path.name, 0
    rows: list[tuple[str, list[str]]] = []
    for line in lines:
        cells = line.split(columns.between)
        if not line.strip() or line.startswith(BORDER):
            if rows:
                yield _sentence(rows, columns, text, document)
            rows, text = [], ""
            if line.startswith(BORDER):
                documents += 1
                document = f"{lines.path.name}, document {documents}"
        elif _is_comment(line, rows, cells, columns):
            key, _, value = line[1:].partition("=")
            if key.strip() == "text":
                text = value.strip()
            elif key.strip() == "newdoc id":
                documents += 1
                document = value.strip()
        else:
            rows.append((lines.where, _checked(cells, columns, line, lines.where)))
    if rows:
        yield _sentence(rows, columns, text, document)
    if not documents:
        notes.fact(f"{lines.path.name} marks no documents ({BORDER}), so it is one")


def _is_comment(line: str, rows: Sequence[object], cells: Sequence[str], columns: Columns) -> bool:
    """Whether a line that begins with # is a comment and not the word #."""
    if not line.startswith("#") or (rows and not line.startswith("# ")):
        return False
    return len(cells) != columns.width or parsed(cells[columns.tag]) is None


def _checked(cells: list[str], columns: Columns, line: str, where: str) -> list[str]:
    if len(cells) <= max(columns.form, columns.tag) or not cells[columns.form].strip():
        raise InputError(
            f"{where}: {line!r} has no word in column {columns.form + 1} with a tag in column {columns.tag + 1}; "
            "name the columns of the file: --columns form,xpos,chunk,entity"
        )
    if parsed(cells[columns.tag]) is None:
        raise InputError(
            f"{where}: {line!r} has {cells[columns.tag]!r} in column {columns.tag + 1}, which is no tag such as B-PER, "
            "I-PER or O; if the tags are in another column, name the columns of the file: --columns form,entity,…"
        )
    return cells


def _columns(lines: Lines, dialect: Dialect, notes: Notes) -> Columns:
    looked_at = [line for line in lines.head(LOOKED_AT) if line.strip() and not line.startswith(BORDER)]
    between = "\t" if any("\t" in line for line in looked_at) else None
    rows = [line.split(between) for line in looked_at]
    widths = [len(row) for row in rows if not row[0].startswith("#")] or [len(row) for row in rows] or [0]
    width = max(set(widths), key=lambda width: (widths.count(width), width))
    rows = [row for row in rows if len(row) == width]
    names = dialect.columns
    if names:
        if len(names) != width:
            raise InputError(f"{lines.name} has {width} columns, and --columns names {len(names)}: {', '.join(names)}")
        form = next((at for at, name in enumerate(names) if name in FORMS), 0)
        tag = next((names.index(name) for name in (dialect.label, *TAGS) if name in names), len(names) - 1)
        others = tuple((at, name) for at, name in enumerate(names) if at not in (form, tag) and name not in ("_", "id"))
        return Columns(between, width, form, tag, others)
    counted = width > 2 and all(row[0].isdecimal() for row in rows)
    form = 1 if counted else 0
    tag = _tag_column(lines, rows, form, width, notes)
    known = width == len(CONLL2003) and not counted and tag == 3
    return Columns(between, width, form, tag, ((1, "xpos"), (2, "chunk")) if known else ())


def _tag_column(lines: Lines, rows: Sequence[Sequence[str]], form: int, width: int, notes: Notes) -> int:
    """The last column in which all are tags, and not all O."""
    marked = []
    alike = []
    for at in range(form + 1, width):
        values = {row[at] for row in rows}
        if all(parsed(value) for value in values):
            alike.append(at)
            if values != {"O"}:
                marked.append(at)
    if not alike:
        first = rows[0] if rows else []
        raise InputError(
            f"{lines.name}: no column holds tags such as B-PER, I-PER and O; the first line is {' '.join(first)!r}. If "
            "one does, name the columns of the file: --columns form,xpos,entity"
        )
    tag = (marked or alike)[-1]
    if len(marked) > 1:
        others = ", ".join(str(at + 1) for at in marked[:-1])
        notes.fact(f"entities of {lines.path.name} are those of column {tag + 1}; column {others} has tags too")
    return tag


def _sentence(rows: Sequence[tuple[str, Sequence[str]]], columns: Columns, text: str, document: str) -> Sentence:
    forms = [cells[columns.form].strip() for _, cells in rows]
    text = text or " ".join(forms)
    words = []
    cursor = 0
    for form, (where, cells) in zip(forms, rows, strict=True):
        start, cursor = place(text, form, cursor, where)
        tag = cells[columns.tag]
        labels = {name: cells[at] for at, name in columns.others if at < len(cells) and cells[at] not in ("_", "-")}
        words.append(Word(form, start, cursor, {"iob": tag} | entity(tag) | labels))
    tags = tuple(cells[columns.tag] for _, cells in rows)
    return Sentence(text, tuple(words), document, rows[0][0], spans(tags))


def entity(tag: str) -> dict[str, str]:
    """The label of a word that is part of an entity."""
    letter, kind = parsed(tag) or ("O", "")
    return {"entity": kind} if letter != "O" else {}
