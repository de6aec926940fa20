"""The text in a unit's colours, where there are words."""

from collections.abc import Sequence
from dataclasses import dataclass

from unitscope.page.page import Section, UnitGroup
from unitscope.page.part import OfSource
from unitscope.page.reading import filled, has_words, telling
from unitscope.source.source import Source

PASSAGE = 1_500
"""Tokens that are shown of the text."""


@dataclass(frozen=True)
class Text(OfSource):
    """A stretch of what was read, the same for every unit."""

    order = 5  # what else is known of a unit stands beneath it

    def sections(self, source: Source) -> Sequence[Section]:
        return ()

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        if not has_words(source):
            return ()
        return [UnitGroup("Text", "", [filled(source, (site, unit), telling(source), PASSAGE)])]
