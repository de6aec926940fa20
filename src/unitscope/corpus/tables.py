"""One way to read a table: CSV, TSV, JSON Lines, Parquet, or a data set of Hugging Face.

    with open_table(Path("reviews.csv")) as table:
        for where, (text, stars) in table.values("text", "meta.stars"):
            ...

A column may be a path into nested values: ``meta.stars`` is the ``stars`` of what stands under ``meta``.
"""

import contextlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyarrow import ArrowException

from unitscope.corpus.dialect import Dialect, Notes, ending
from unitscope.corpus.layouts import headless
from unitscope.corpus.opening import Lines, open_seekable, shown
from unitscope.corpus.separated import has_quotes, separated, separator_of
from unitscope.errors import InputError

Row = tuple[str, Mapping[str, Any]]
"""Where a row stands, for messages, and its values."""
SEPARATED = (".csv", ".tsv", ".tab")
JSON = (".jsonl", ".ndjson", ".json")
PARQUET = ".parquet"
ENDINGS = (*JSON, *SEPARATED, PARQUET)
"""Of files that are tables and nothing else."""
LOOKED_AT = 50
"""Rows by which the layout of a table without a head is found."""
ROWS = 256
"""Rows of Parquet that are in memory together."""
WHOLE = 1 << 28
"""Characters of a JSON list at most: it is read as a whole."""


@dataclass(frozen=True)
class Table:
    """Columns and rows. Rows are read once, in order."""

    path: Path
    columns: tuple[str, ...]
    """Of the first level; those of JSON Lines are the first row's."""
    read: Callable[[Sequence[str] | None], Iterator[Row]]
    """The rows with these columns of the first level, or with all."""
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The names of class numbers, of the columns that have some."""
    text: str = ""
    """The columns that make the text, where a published layout says so."""

    @property
    def name(self) -> str:
        """As messages call it."""
        return shown(self.path)

    def peeked(self) -> "tuple[Table, Mapping[str, Any] | None]":
        """The same, and its first row, which is still to come."""
        rows = self.read(None)
        first = next(rows, None)
        again = replace(self, read=lambda _: itertools.chain([first] if first else [], rows))
        return again, first[1] if first else None

    def rows(self) -> Iterator[Row]:
        """Rows with all their values."""
        return self.read(None)

    def values(self, *columns: str) -> Iterator[tuple[str, list[Any]]]:
        """Some columns of each row. Raises ``InputError`` for one that the table lacks."""
        paths = [[column] if column in self.columns else column.split(".") for column in columns]
        for path in paths:
            if self.columns and path[0] not in self.columns:
                raise InputError(
                    f"{self.name}: there is no column {path[0]!r}; there are: {', '.join(map(str, self.columns))}"
                )
        for where, row in self.read([path[0] for path in paths]):
            yield where, [row.get(path[0]) if len(path) == 1 else _inside(row, path, where) for path in paths]


def is_table(path: Path) -> bool:
    """Whether a path is a table by its ending, or a folder."""
    return path.is_dir() or ending(path) in ENDINGS


@contextlib.contextmanager
def open_table(path: Path, dialect: Dialect = Dialect(), notes: Notes | None = None) -> Iterator[Table]:
    """A table by its ending; any other is read as lines with tabs between cells.

    Raises ``InputError`` for what cannot be read, with the place of the row.
    """
    notes = Notes() if notes is None else notes
    if path.is_dir():
        yield _data_set(path, dialect)
    elif ending(path) == PARQUET:
        with open_seekable(path) as stream:
            yield _parquet(path, stream)
    else:
        with Lines(path, dialect.encoding, notes) as lines:
            yield table_of(lines, dialect, notes)


def read_columns(path: Path, dialect: Dialect = Dialect()) -> dict[str, list[Any]]:
    """All columns of a table, in memory: numbers where every value is one, NaN where there is none.

    Raises ``InputError`` as ``open_table``.
    """
    with open_table(path, dialect) as table:
        rows = [row for _, row in table.rows()]
    return {name: _numbers([row.get(name) for row in rows]) for name in table.columns}


def _numbers(values: list[Any]) -> list[Any]:
    try:
        return [math.nan if value in (None, "") else float(value) for value in values]
    except (TypeError, ValueError):
        return ["" if value is None else value for value in values]


def table_of(lines: Lines, dialect: Dialect, notes: Notes) -> Table:
    """A table of text, as ``open_table``."""
    return _json(lines, notes) if ending(lines.path) in JSON else _separated(lines, dialect, notes)


def _inside(row: Mapping[str, Any], path: Sequence[str], where: str) -> Any:
    """The value at a path into nested values; None where one on the way is null."""
    value: Any = row.get(path[0])
    for step, name in enumerate(path[1:], 1):
        if value is None:
            return None
        if not isinstance(value, Mapping) or name not in value:
            there = ", ".join(map(str, value)) if isinstance(value, Mapping) else f"{type(value).__name__} values"
            raise InputError(f"{where}: there is no {name!r} in {'.'.join(path[:step])!r}; there are: {there}")
        value = value[name]
    return value


def _separated(lines: Lines, dialect: Dialect, notes: Notes) -> Table:
    """The first row is the head, unless ``columns`` says other names than it, or the layout is one without a head."""
    path, quotes = lines.path, has_quotes(lines.path, dialect)
    separator = separator_of(path, next(iter(lines.head(1)), ""))
    found = separated(lines, separator, quotes)
    ahead = list(itertools.islice(found, LOOKED_AT))
    if not ahead:
        raise InputError(f"{lines.name} is empty; give a table with a head")
    first = tuple(ahead[0][1])
    layout = None if dialect.columns else headless([cells for _, cells in ahead], ending(path) not in SEPARATED)
    columns = dialect.columns or (layout.columns if layout else first)
    named = [name for name in columns if name.strip()]
    notes.count(f"columns of {path.name} without a name left out", len(columns) - len(named))
    head = not layout and first in (columns, dialect.columns)
    if layout:
        notes.fact(f"{path.name} has no head, and the columns {', '.join(columns)}")
    if equal := sorted({name for name in named if named.count(name) > 1}):
        raise InputError(
            f"{lines.name}:{ahead[0][0]}: two columns are called {equal[0]!r}; rename one, or name all columns of a "
            "table without a head: --columns a,b,c"
        )
    if ending(path) == ".csv" and separator != ",":
        notes.fact(f"{path.name} has {separator!r} between its cells")

    def read(_: Sequence[str] | None) -> Iterator[Row]:
        for number, cells in itertools.chain(ahead[head:], found):
            if len(cells) != len(columns):
                raise InputError(_misfit(f"{lines.name}:{number}", cells, columns, separator, quotes))
            values = zip(columns, cells, strict=True)
            yield f"{lines.name}:{number}", {name: cell for name, cell in values if name.strip()}

    return Table(path, tuple(named), read, text=layout.text if layout else "")


def _misfit(where: str, cells: Sequence[str], columns: Sequence[str], separator: str, quotes: bool) -> str:
    sign = {"\t": "tabs", ",": "commas"}.get(separator, repr(separator))
    shown_columns = ", ".join(columns[:8])
    quoted = not quotes and any('"' in cell for cell in cells)
    return (
        f"{where}: this row has {len(cells)} cells between {sign}, the table {len(columns)} columns ({shown_columns}); "
        + (
            "if cells stand in quotes, say --quotes"
            if quoted
            else "give each row as many, or name the columns of a table without a head: --columns"
        )
    )


def _json(lines: Lines, notes: Notes) -> Table:
    """A row a line, or in ``.json`` a list of rows."""
    begin = next((line for line in lines.head(20) if line.strip()), "").lstrip()
    found = _list(lines, notes) if ending(lines.path) == ".json" and begin.startswith("[") else _objects(lines, notes)
    rows = (_row(value, where) for where, value in found)
    first = next(rows, None)

    def read(_: Sequence[str] | None) -> Iterator[Row]:
        return itertools.chain([first] if first else [], rows)

    return Table(lines.path, tuple(first[1]) if first else (), read)


def _row(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise InputError(f'{where}: this line is no object of named values, as {{"text": …}} is one')
    return where, value


def _objects(lines: Lines, notes: Notes) -> Iterator[tuple[str, Any]]:
    for line in lines:
        if line.strip():
            yield lines.where, _parsed(line, lines.where, "this line", notes)


def _list(lines: Lines, notes: Notes) -> Iterator[tuple[str, Any]]:
    parts, size = [], 0
    for line in lines:
        parts.append(line)
        size += len(line)
        if size > WHOLE:
            raise InputError(f"{lines.name} is one long list of JSON; write it as JSON Lines, a row a line (.jsonl)")
    found = _parsed("\n".join(parts), lines.name, "this file", notes)
    yield from ((f"{lines.name}, row {number}", row) for number, row in enumerate(found, 1))


def _parsed(text: str, where: str, what: str, notes: Notes) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, where))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: {what} is no JSON ({error})") from error
    if "\\u" not in text:
        return value
    # JSON can spell half a pair of surrogates, which no encoding can write.
    mended = _mended(value)
    if mended != value:
        notes.count("rows with half a surrogate pair, read as U+FFFD")
    return mended


def _object(pairs: Sequence[tuple[str, Any]], where: str) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        equal = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{where}: two values are called {equal!r}; rename one")
    return made


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    return {_mended(name): _mended(item) for name, item in value.items()} if isinstance(value, dict) else value


def _parquet(path: Path, stream: Any) -> Table:
    try:
        file = pq.ParquetFile(stream)
        names = tuple(file.schema_arrow.names)
        told = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
        features = told.get("info", {}).get("features", {})
    except (OSError, ValueError, AttributeError, ArrowException) as error:
        raise InputError(f"{shown(path)} cannot be read as a table: {error}") from error
    if equal := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{shown(path)}: two columns are called {equal[0]!r}; rename one")
    inner = {name: kind.get("feature", kind) for name, kind in features.items() if isinstance(kind, dict)}
    classes = {name: kind["names"] for name, kind in inner.items() if isinstance(kind, dict) and "names" in kind}

    def read(columns: Sequence[str] | None) -> Iterator[Row]:
        number = 0
        try:
            for batch in file.iter_batches(ROWS, columns=None if columns is None else list(dict.fromkeys(columns))):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{shown(path)}, row {number}", row
        except (OSError, ArrowException) as error:
            raise InputError(f"{shown(path)}, after row {number}, cannot be read: {error}") from error

    return Table(path, names, read, classes)


def _data_set(folder: Path, dialect: Dialect) -> Table:
    try:
        import datasets
    except ImportError as error:
        raise InputError("data sets of Hugging Face need another package: pip install 'unitscope[hf]'") from error
    try:
        found = datasets.load_from_disk(str(folder))
    except FileNotFoundError as error:
        raise InputError(f"{folder} holds no data set; give a folder that Dataset.save_to_disk wrote") from error
    if isinstance(found, datasets.DatasetDict):
        if dialect.part not in found:
            raise InputError(
                f"{folder} holds several parts; give one of them: {', '.join(f'{folder / name}' for name in found)}"
            )
        found = found[dialect.part]
    inner = {name: getattr(kind, "feature", kind) for name, kind in found.features.items()}
    classes = {name: list(kind.names) for name, kind in inner.items() if getattr(kind, "names", None)}

    def read(columns: Sequence[str] | None) -> Iterator[Row]:
        chosen = found if columns is None else found.select_columns(list(dict.fromkeys(columns)))
        return ((f"{folder}, row {number}", row) for number, row in enumerate(chosen, 1))

    return Table(folder, tuple(found.column_names), read, classes)
