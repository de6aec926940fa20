"""CoNLL-U: the format of Universal Dependencies (universaldependencies.org/format.html).

All ten columns are read, the keys of FEATS and MISC as labels of their own. Words of a multi-word token (lines ``4-5``)
divide its characters where their forms spell it (*do* + *n't*), and share them otherwise (*du* = *de* + *le*).
A parser of its own, since a message must name file and line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from unitscope.corpus.sentence import ROOT, Sentence, Word, place
from unitscope.errors import InputError

COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")


@dataclass(frozen=True)
class Line:
    """A line of ten columns, and where it stands."""

    where: str
    columns: Sequence[str]

    @property
    def id(self) -> str:
        return self.columns[0]


def read_conllu(path: Path) -> Iterator[Sentence]:
    """The sentences of a file, one at a time. A file without ``# newdoc`` is one document.

    Raises ``InputError`` with file and line for anything that is not CoNLL-U.
    """
    document = path.name
    comments: dict[str, str] = {}
    lines: list[Line] = []
    begin = 1
    for number, text in enumerate(read_lines(path), 1):
        where = f"{path}:{number}"
        if not text.strip():
            if lines:
                yield _sentence(lines, comments, document, f"{path}:{begin}")
            comments, lines = {}, []
        elif text.startswith("#") and not lines:
            key, _, value = text[1:].partition("=")
            comments[key.strip()] = value.strip()
            if key.strip() in ("newdoc", "newdoc id"):
                document = value.strip() or where
        else:
            columns = text.split("\t")
            if len(columns) != len(COLUMNS):
                raise InputError(f"{where}: a line of CoNLL-U has 10 columns between tabs, this has {len(columns)}")
            begin = begin if lines else number
            lines.append(Line(where, columns))
    if lines:
        yield _sentence(lines, comments, document, f"{path}:{begin}")


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file. Raises ``InputError`` if it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                yield line.rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as UTF-8 text: {error}") from error


def _sentence(lines: Sequence[Line], comments: dict[str, str], document: str, where: str) -> Sentence:
    text = comments.get("text", "") or _spelled(lines)
    numbered = [line for line in lines if re.fullmatch(r"\d+", line.id)]
    if not numbered:
        raise InputError(f"{where}: this sentence has no words")
    words: list[Word] = []
    silent: list[Word] = []
    cursor = 0
    token: tuple[int, int, int] | None = None  # last word, first character, character after the last
    for line in lines:
        if re.fullmatch(r"\d+\.\d+", line.id):
            silent.append(Word(line.columns[1], cursor, cursor, _labels(line)))
            continue
        if span := re.fullmatch(r"(\d+)-(\d+)", line.id):
            first, last = int(span[1]), int(span[2])
            if first != len(words) + 1 or not first < last <= len(numbered):
                raise InputError(f"{line.where}: the multi-word token {line.id} does not fit the words around it")
            start, stop = place(text, line.columns[1], cursor, line.where)
            members = [other.columns[1] for other in numbered[first - 1 : last]]
            token = (last, start, stop) if "".join(members) != line.columns[1] else None
            cursor = start if token is None else stop
            continue
        if line.id != str(len(words) + 1):
            raise InputError(f"{line.where}: word {len(words) + 1} was expected here, not {line.id!r}")
        if token is not None and len(words) < token[0]:
            start, stop = token[1:]
        else:
            start, stop = place(text, line.columns[1], cursor, line.where)
            cursor = stop
        words.append(Word(line.columns[1], start, stop, _labels(line), _head(line, len(numbered))))
    return Sentence(text, tuple(words), document, where, silent=tuple(silent))


def _spelled(lines: Sequence[Line]) -> str:
    """The text as the forms spell it, where no comment gives it."""
    text, inside = "", 0
    for line in lines:
        if "." in line.id:
            continue
        first, _, last = line.id.partition("-")
        if last:
            inside = int(last) if last.isdigit() else 0
        elif first.isdigit() and int(first) <= inside:
            continue
        text += line.columns[1] + ("" if "SpaceAfter=No" in line.columns[9].split("|") else " ")
    return text.strip()


def _labels(line: Line) -> dict[str, str]:
    labels = {}
    for name, value in zip(COLUMNS, line.columns, strict=True):
        if name in ("id", "form", "head") or value == "_":
            continue
        if name not in ("feats", "misc"):
            labels[name] = intern(value)
            continue
        for item in value.split("|"):
            key, equals, content = item.partition("=")
            if name == "feats" and (not equals or not key or not content):
                raise InputError(f"{line.where}: FEATS holds {item!r}, which is no key=value")
            labels[intern(f"{name}.{key}")] = intern(content)
    return labels


def _head(line: Line, words: int) -> int | None:
    value = line.columns[6]
    if value == "_":
        return None
    if not value.isdigit() or int(value) > words or value == line.id:
        raise InputError(f"{line.where}: HEAD is {value!r}; it is 0 or the number of another word, up to {words}")
    return int(value) - 1 if int(value) else ROOT
