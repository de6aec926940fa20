"""Texts in the rows of a table, one document a row.

A table is named with the column of its texts: ``reviews.parquet:text``, ``tweets.jsonl:user.bio``,
``wikitext/train:text``. Its texts are copied once into one file on the disk, where any of them is found by its place.
"""

import bisect
import itertools
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from unitscope.corpus.dialect import Dialect, Notes, ending
from unitscope.corpus.documents import TextFile
from unitscope.corpus.spilled import Many, Rows
from unitscope.corpus.tables import ENDINGS, open_table
from unitscope.errors import InputError

PLAIN = (".txt", "")
"""Endings of files that may be a table of lines with tabs."""


def split_name(name: str | Path) -> tuple[Path, str] | None:
    """Table and column of ``TABLE:COLUMN``; None where that is not what is there."""
    path, colon, column = str(name).rpartition(":")
    table = Path(path)
    if not (colon and path and column) or Path(name).exists() or not table.exists():
        return None
    return table, column


def rows(table: Path, column: str, dialect: Dialect = Dialect(), notes: Notes | None = None) -> Iterator[str]:
    """The texts of a column, in order; rows without one are passed over.

    Raises ``InputError`` for a table of another kind, a column that it lacks, a value that is no text, and rows that
    cannot be read, with the row's place.
    """
    notes = Notes() if notes is None else notes
    if not table.is_dir() and ending(table) not in (*ENDINGS, *PLAIN):
        raise InputError(f"{table} is no table of texts; give one of {', '.join(ENDINGS)}, or a data set's folder")
    with open_table(table, dialect, notes) as found:
        for where, (value,) in found.values(column):
            if value is not None and not isinstance(value, str):
                raise InputError(f"{where}: {column!r} is {type(value).__name__}, not text; choose another column")
            if value:
                yield value
            else:
                notes.count("rows without a text left out")


class Spooled(Many[TextFile]):
    """Texts that lie end to end in one file."""

    def __init__(self, name: str, path: Path, ends: Rows) -> None:
        self.path = path
        self._name = name
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    def _at(self, place: int) -> TextFile:
        start = self._ends[place - 1][0] if place else 0
        return TextFile(f"{self._name}:{place + 1}", self.path, start, self._ends[place][0])


class Joined(Many[TextFile]):
    """Several sequences of files as one."""

    def __init__(self, parts: Sequence[Sequence[TextFile]]) -> None:
        self._parts = parts
        self._firsts = [0, *itertools.accumulate(map(len, parts))]

    def __len__(self) -> int:
        return self._firsts[-1]

    def _at(self, place: int) -> TextFile:
        part = bisect.bisect_right(self._firsts, place) - 1
        return self._parts[part][place - self._firsts[part]]


def spool(texts: Iterable[str], name: str) -> Spooled:
    """The texts end to end in a temporary file, and where each lies. The caller removes the file.

    Raises ``InputError`` if there is none.
    """
    ends = Rows(end="q")
    with tempfile.NamedTemporaryFile(prefix="unitscope-", suffix=".txt", delete=False) as file:
        path, stop = Path(file.name), 0
        try:
            for number, text in enumerate(texts, 1):
                try:
                    stop += file.write(text.encode())
                except UnicodeEncodeError as error:
                    raise InputError(
                        f"{name}:{number} holds {error.object[error.start]!r}, which no text can"
                    ) from error
                ends.add(stop)
        except BaseException:
            path.unlink()
            raise
    if not len(ends):
        path.unlink()
        raise InputError(f"{name} holds no text; give rows of at least one character")
    return Spooled(name, path, ends)
