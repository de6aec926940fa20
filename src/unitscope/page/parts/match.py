"""A match query: from a phrase to the units that are on throughout it, and to where else they are on together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unitscope.files.inside import name_of
from unitscope.matches import Matches
from unitscope.page.page import Section
from unitscope.page.part import Part
from unitscope.source.source import Source

FOLDER = "matches"
SHOWN = 8
"""Passages whose text is shown."""
TEXT = """Units that are on at every step of the phrase, and the passages where they are on together again: the largest
intersection with them first, then the smallest union with what else is on, then the longest.

The colour of a token is the share of the selected units that are on when the model has read it."""


@dataclass(frozen=True, eq=False)
class Match(Part):
    """The outcome of ``unitscope match``."""

    order = 40
    found: Matches
    name: str = "phrase"
    """Of its file."""

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        return [cls(Matches.load(path), path.stem) for path in sorted((folder / FOLDER).glob("*.json"))]

    def save(self, folder: Path) -> None:
        self.found.save(folder / FOLDER / f"{name_of(self.name)}.json")

    def sections(self, source: Source) -> Sequence[Section]:
        place = re.sub(r"\W+", "-", self.name)
        return [matches_section(self.found, f"match-{place}")]


def matches_section(found: Matches, key: str = "match", shown: int = SHOWN) -> Section:
    """The phrase, its units, the passages, and the text of the first of them."""
    return Section(key, f"Where the units of {found.phrase.text!r} are on", TEXT, found.views(shown))
