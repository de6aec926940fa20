"""Pairs of sequences: what is read, what should be written, and where to look at each step of writing.

The file format is that of the published lookup-table tasks: one pair a line, columns set apart by tabs, symbols by
spaces: source, target and, optionally, for each symbol of the target the place in the source to attend to.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from unitscope.corpus.opening import Lines
from unitscope.errors import InputError
from unitscope.files.writing import make_folder, write


@dataclass(frozen=True)
class Pair:
    """One pair. ``attention`` is empty or has one place in ``source``, from 0, for each symbol of ``target``."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    attention: tuple[int, ...] = ()
    where: str = ""
    """File and line, for messages."""

    def line(self) -> str:
        """The pair as it stands in a file."""
        columns = [" ".join(self.source), " ".join(self.target)]
        if self.attention:
            columns.append(" ".join(map(str, self.attention)))
        return "\t".join(columns)


def read_pairs(path: Path) -> list[Pair]:
    """All pairs of a file; empty lines are passed over.

    A place for the end of the output, one more than there are symbols, is left out: nothing is written there. Raises
    ``InputError`` with the line for columns that are missing or too many, an empty side, places that are no numbers,
    not one for each symbol, or beyond the source.
    """
    with Lines(path) as lines:
        pairs = [_pair(line, lines.where) for line in lines if line.strip()]
    if not pairs:
        raise InputError(f"{path} has no pairs; give lines of source, tab, target")
    return pairs


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write the pairs so that ``read_pairs`` gives them back."""
    make_folder(path.parent)
    write(path, "".join(f"{pair.line()}\n" for pair in pairs).encode())


def _pair(line: str, where: str) -> Pair:
    columns = line.split("\t")
    if not 2 <= len(columns) <= 3:
        raise InputError(
            f"{where}: a pair has a source, a target and, if you like, places to attend to, with tabs between them; "
            f"this line has {len(columns)} columns"
        )
    source, target = (tuple(column.split()) for column in columns[:2])
    if not source or not target:
        raise InputError(f"{where}: the {'target' if source else 'source'} of this pair is empty")
    if len(columns) == 2:
        return Pair(source, target, where=where)
    try:
        places = tuple(int(word) for word in columns[2].split())
    except ValueError as error:
        raise InputError(f"{where}: places to attend to are whole numbers, not {columns[2]!r}") from error
    if len(places) not in (len(target), len(target) + 1):
        raise InputError(f"{where}: {len(target)} symbols of the target have {len(places)} places to attend to")
    return check_places(Pair(source, target, places[: len(target)], where))


def check_places(pair: Pair) -> Pair:
    """The pair itself. Raises ``InputError`` for places beyond its source, or not as many as symbols to write."""
    where = pair.where or pair.line()
    if pair.attention and len(pair.attention) != len(pair.target):
        raise InputError(f"{where}: {len(pair.target)} symbols of the target have {len(pair.attention)} places")
    for place in _outside(pair):
        raise InputError(
            f"{where}: the place {place} to attend to is beyond the source, whose places are 0 to "
            f"{len(pair.source) - 1}"
        )
    return pair


def _outside(pair: Pair) -> Iterator[int]:
    return (place for place in pair.attention if not 0 <= place < len(pair.source))
