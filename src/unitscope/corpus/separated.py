"""Tables as text: cells with commas or tabs between them.

Where cells may be quoted this is RFC 4180: a cell may stand in double quotes, and then holds commas, line ends and
doubled quotes. Where they may not, a quote is a character like any other. Nothing else is changed: no blank is
stripped, and no empty cell shifts the others.
A parser of its own, since the module csv reads on to the end where a quote is never closed, and does not say where.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from unitscope.corpus.dialect import Dialect, ending
from unitscope.corpus.opening import Lines
from unitscope.errors import InputError

LONGEST = 1 << 26
"""Characters of quoted cells after which the quote is taken for one that was never closed."""
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"(?!")')


@cache
def _cell(separator: str) -> re.Pattern[str]:
    """A cell in quotes, or one without any, and what ends it."""
    return re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"\r?|([^"\n{separator}]*))({separator}|\n|\Z)')


def has_quotes(path: Path, dialect: Dialect) -> bool:
    """Whether cells of a file may be quoted: where nothing else is said, those of ``.csv``."""
    return ending(path) == ".csv" if dialect.quotes is None else dialect.quotes


def separator_of(path: Path, first: str) -> str:
    """Separator of cells, by the first line: a tab, or in ``.csv`` a comma where it has one outside quotes."""
    if ending(path) != ".csv":
        return "\t"
    bare = _QUOTED.sub("", first)
    return next((separator for separator in ",;\t|" if separator in bare), ",")


def separated(lines: Lines, separator: str, quotes: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, each with the line on which it begins. Blank lines are no rows.

    Raises ``InputError`` with line and column for a quote that stands where none may, or is never closed.
    """
    for line in lines.whole():
        if quotes and '"' in line:
            begin = lines.number
            yield begin, _cells(line, lines, separator)
        else:
            bare = line.removesuffix("\n").removesuffix("\r")
            if bare:
                yield lines.number, bare.split(separator)


def _cells(line: str, lines: Lines, separator: str) -> list[str]:
    """The cells of a row with quotes, which may go on over several lines."""
    where, pattern = lines.where, _cell(separator)
    cells: list[str] = []
    at = 0
    while True:
        found = pattern.match(line, at)
        if found is None:
            where_cell = f"{where}, column {len(cells) + 1}"
            if not line.startswith('"', at) or _QUOTED.match(line, at):
                raise InputError(
                    f"{where_cell}: a quotation mark stands inside the cell {line[at : at + 40]!r}; put the cell in "
                    "quotes and double those inside it, or say --no-quotes if quotes mean nothing in this file"
                )
            line, at = _continued(line[at:], lines, where_cell), 0
            continue
        inside, outside, end = found.groups()
        if inside is not None:
            cells.append(inside.replace('""', '"'))
        else:
            cells.append(outside if end == separator else outside.removesuffix("\r"))
        at = found.end()
        if end != separator:
            return cells


def _continued(line: str, lines: Lines, where: str) -> str:
    """A cell whose quote is still open, with the lines that it goes on over."""
    parts, size = [line], len(line)
    for more in lines.whole():
        parts.append(more)
        size += len(more)
        if more.count('"') % 2:
            return "".join(parts)
        if size > LONGEST:
            break
    raise InputError(
        f"{where}: the quotation mark that opens the cell {line[:40]!r} is never closed; close it, or say --no-quotes "
        "if quotes mean nothing in this file"
    )
