"""Layout of a file as the user gives it, and the reader's notes in return."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PACKED = frozenset({".gz", ".xz", ".zst", ".bz2"})
"""Endings that say how a file is packed, not what is in it."""
TREES = (".ptb", ".mrg", ".parse", ".tree", ".trees")
DEPENDENCIES = (".conllu", ".conllup", ".conllx")
TAGGED = (".iob", ".iob2", ".bio", ".bioes", ".bilou", ".annotated")
SENTENCES = (*DEPENDENCIES, *TREES, *TAGGED, ".conll", ".gold_conll", ".v4_gold_conll")
"""Endings of files that are annotated sentences and nothing else."""


@dataclass(frozen=True)
class Dialect:
    """Layout of a file. Empty fields are detected, and noted."""

    encoding: str = ""
    """Such as ``latin-1``; where it is empty, UTF-8 or what a byte order mark says. ``binary``: any bytes."""
    columns: tuple[str, ...] = ()
    """Names of all columns, in order, of a table without a head or of words in columns."""
    label: str = ""
    """The column of a text's label."""
    text: str = ""
    """The column of a text, or several with commas between them, which are joined by a blank."""
    part: str = ""
    """Which rows: ``PART`` or ``COLUMN=PART``."""
    quotes: bool | None = None
    """Whether cells may stand in double quotes. If it is not said: in ``.csv`` they may, in any other table not."""


@dataclass
class Notes:
    """Notes on files: detected layouts, and changes to their content. A reader adds to them as it goes."""

    facts: list[str] = field(default_factory=list)
    """Such as "columns form, xpos, chunk, entity"."""
    counts: Counter[str] = field(default_factory=Counter)
    """Such as "empty rows left out": 3."""

    def fact(self, text: str) -> None:
        """Say it once."""
        if text not in self.facts:
            self.facts.append(text)

    def count(self, what: str, times: int = 1) -> None:
        """So many more of what was done."""
        if times:
            self.counts[what] += times

    def __iter__(self) -> Iterator[str]:
        yield from self.facts
        yield from (f"{what}: {times:,}" for what, times in self.counts.items())

    def describe(self) -> dict[str, str]:
        """One line of provenance; none if there is nothing to say."""
        told = "; ".join(self)
        return {"as read": told} if told else {}


def ending(path: Path | str) -> str:
    """The ending that tells the format, in lower case: ``.conllu`` of ``dev.CoNLLU.gz``."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    while len(suffixes) > 1 and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
