"""CoNLL-U, the format of Universal Dependencies (universaldependencies.org/format.html), and its relatives.

CoNLL-U Plus names its columns in a comment ``# global.columns = ID FORM …``; CoNLL-X (``.conllx``, and ``.conll`` of
ten columns) has other heads where CoNLL-U has DEPS and MISC. All columns are read, the keys of FEATS and MISC as labels
of their own. Words of a multi-word token (lines ``4-5``) divide its characters where their forms spell it
(*do* + *n't*), and share them otherwise (*du* = *de* + *le*).
A parser of its own, since a message must name file and line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from sys import intern

from unitscope.corpus.dialect import Dialect, Notes, ending
from unitscope.corpus.opening import Lines
from unitscope.corpus.sentence import ROOT, Sentence, Word, place
from unitscope.errors import InputError

COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
CONLLX = (*COLUMNS[:8], "phead", "pdeprel")
LOOKED_AT = 200
"""Lines by which the columns of a file are found."""
_WORD = re.compile(r"[1-9][0-9]*")
_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_EMPTY = re.compile(r"[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a word, and where it stands."""

    where: str
    id: str
    cells: Sequence[str]


@dataclass(frozen=True)
class Columns:
    """Where the columns stand that are more than labels."""

    names: tuple[str, ...]

    @property
    def form(self) -> int:
        return self.names.index("form")

    def place_of(self, name: str) -> int | None:
        """The number of a column, if there is one of that name."""
        return self.names.index(name) if name in self.names else None


def conllu_sentences(lines: Lines, dialect: Dialect, notes: Notes) -> Iterator[Sentence]:
    """The sentences of a file, one at a time. A file without ``# newdoc`` is one document.

    Raises ``InputError`` with file and line for anything else.
    """
    columns = Columns(_columns(lines, dialect, notes))
    width, id_place = len(columns.names), columns.place_of("id")
    document, documents = lines.path.name, 0
    comments: dict[str, str] = {}
    words: list[Line] = []
    begin = 1
    for text in lines:
        if not text.strip():
            if words:
                yield _sentence(words, comments, document, f"{lines.name}:{begin}", columns)
            comments, words = {}, []
        elif text[0] == "#" and not words:
            key, _, value = text[1:].partition("=")
            comments[key.strip()] = value.strip()
            if key.strip() in ("newdoc", "newdoc id"):
                documents += 1
                document = value.strip() or lines.where
        else:
            cells = text.split("\t")
            if len(cells) != width:
                raise InputError(_misfit(lines.where, text, cells, columns.names))
            begin = begin if words else lines.number
            number = str(len(words) + 1) if id_place is None else cells[id_place]
            words.append(Line(lines.where, number, cells))
    if words:
        yield _sentence(words, comments, document, f"{lines.name}:{begin}", columns)
    if not documents:
        notes.fact(f"{lines.path.name} marks no documents (# newdoc), so it is one")


def _columns(lines: Lines, dialect: Dialect, notes: Notes) -> tuple[str, ...]:
    looked_at = lines.head(LOOKED_AT)
    told = [line.partition("=")[2].split() for line in looked_at if re.match(r"#\s*global\.columns\s*=", line)]
    if dialect.columns or told:
        names = tuple(intern(name.lower()) for name in dialect.columns or told[0])
        if "form" not in names or len(set(names)) != len(names):
            raise InputError(f"{lines.name}: the columns {', '.join(names)} have no form, or two of one name")
        return names
    rows = [line.split("\t") for line in looked_at if "\t" in line]
    if ending(lines.path) == ".conllu" or not rows or len(rows[0]) != len(COLUMNS):
        return CONLLX[:8] if ending(lines.path) == ".conllx" and rows and len(rows[0]) == 8 else COLUMNS
    ninth = {row[8] for row in rows if len(row) == len(COLUMNS)}
    if ending(lines.path) == ".conllx" or any(value.isdigit() for value in ninth):
        notes.fact(f"{lines.path.name} is CoNLL-X")
        return CONLLX
    return COLUMNS


def _misfit(where: str, text: str, cells: Sequence[str], names: Sequence[str]) -> str:
    if len(text.split()) == len(names):
        more = "put tabs between them, not blanks"
    else:
        more = "if the file has others, name them all: --columns id,form,…"
    kind = "CoNLL-U" if names == COLUMNS else "this file"
    return f"{where}: a line of {kind} has {len(names)} columns between tabs, this has {len(cells)}; {more}"


def _sentence(
    lines: Sequence[Line], comments: Mapping[str, str], document: str, where: str, columns: Columns
) -> Sentence:
    form = columns.form
    text = comments.get("text", "") or _spelled(lines, columns)
    count = sum(1 for line in lines if _WORD.fullmatch(line.id))
    if not count:
        raise InputError(f"{where}: this sentence has no words")
    words: list[Word] = []
    silent: list[Word] = []
    cursor = 0
    token: tuple[int, int, int] | None = None  # last word, first character, character after the last
    for line in lines:
        spelling = line.cells[form]
        if line.id != str(len(words) + 1):
            if _EMPTY.fullmatch(line.id):
                silent.append(Word(spelling, cursor, cursor, _labels(line, columns)))
            elif span := _RANGE.fullmatch(line.id):
                first, last = int(span[1]), int(span[2])
                if first != len(words) + 1 or not first < last <= count:
                    raise InputError(f"{line.where}: the multi-word token {line.id} does not fit the words around it")
                start, stop = place(text, spelling, cursor, line.where)
                members = [
                    other.cells[form] for other in lines if other.id.isdigit() and first <= int(other.id) <= last
                ]
                token = (last, start, stop) if "".join(members) != spelling else None
                cursor = start if token is None else stop
            else:
                raise InputError(f"{line.where}: word {len(words) + 1} was expected here, not {line.id!r}")
            continue
        if token is not None and len(words) < token[0]:
            start, stop = token[1:]
        else:
            start, stop = place(text, spelling, cursor, line.where)
            cursor = stop
        words.append(Word(spelling, start, stop, _labels(line, columns), _head(line, count, columns)))
    return Sentence(text, tuple(words), document, where, silent=tuple(silent))


def _spelled(lines: Sequence[Line], columns: Columns) -> str:
    """The text as the forms spell it, where no comment gives it."""
    misc = columns.place_of("misc")
    text, inside = "", 0
    for line in lines:
        if "." in line.id:
            continue
        first, _, last = line.id.partition("-")
        if last:
            inside = int(last) if last.isdecimal() else 0
        elif first.isdecimal() and int(first) <= inside:
            continue
        glued = misc is not None and "SpaceAfter=No" in line.cells[misc].split("|")
        text += line.cells[columns.form] + ("" if glued else " ")
    return text.strip()


def _labels(line: Line, columns: Columns) -> dict[str, str]:
    labels: dict[str, str] = {}
    for name, value in zip(columns.names, line.cells, strict=True):
        if value == "_" or name in ("id", "form", "head"):
            continue
        if name == "feats" or name == "misc":
            found = _items(name, value)
            if found is None:
                if columns.names == COLUMNS:
                    wrong = next(item for item in value.split("|") if not re.fullmatch(r"[^=]+=.+", item))
                    raise InputError(f"{line.where}: FEATS holds {wrong!r}, which is no key=value")
                labels[name] = intern(value)
            else:
                labels.update(found)
        else:
            labels[name] = intern(value)
    return labels


@lru_cache(1 << 16)
def _items(name: str, value: str) -> dict[str, str] | None:
    """The keys and values of FEATS or MISC; None where one of FEATS is none."""
    found = {}
    for item in value.split("|"):
        key, equals, content = item.partition("=")
        if name == "feats" and not (equals and key and content):
            return None
        found[intern(f"{name}.{key}")] = intern(content)
    return found


def _head(line: Line, words: int, columns: Columns) -> int | None:
    at = columns.place_of("head")
    value = "_" if at is None else line.cells[at]
    if value == "_":
        return None
    if not (value.isascii() and value.isdigit()):
        raise InputError(
            f"{line.where}: the head is no number: {value!r}; it is 0 or the number of another word, up to {words}"
        )
    if int(value) > words or value == line.id:
        raise InputError(f"{line.where}: HEAD is {value!r}; it is 0 or the number of another word, up to {words}")
    return int(value) - 1 if int(value) else ROOT
