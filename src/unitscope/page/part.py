"""A part of a page: something that was found out about a source, and how it is shown, kept and read again.

Results, answers, probes, curves, matches, comparisons: each kind is a class in a module behind the door of parts, so a
new kind is one file. Pages, whether served, in a notebook or in a file, know parts and nothing else.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from unitscope.doors import by_name, members
from unitscope.errors import InputError
from unitscope.page.page import Card, Section, UnitField, UnitGroup
from unitscope.source.source import Source

Columns = Mapping[str, Sequence[tuple[UnitField, np.ndarray]]]
"""By site, columns with a value for each unit."""


Scale = tuple[float, float, float]
"""Where red is full, where the paper is, and where blue is full (``view.scale_of``)."""


class Part(ABC):
    """Findings about a source in one respect. A part holds no source; the page gives the source to it."""

    key: ClassVar[str]
    """The name of the kind: that of its module."""
    order: ClassVar[int] = 50
    """Where it stands on pages: the smaller, the earlier."""

    def __init_subclass__(cls) -> None:
        cls.key = cls.__module__.rsplit(".", 1)[-1]

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> "Sequence[Part]":
        """The parts of this kind that are kept in a recording's folder; none where there are none.

        Raises ``InputError`` for a damaged one.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Keep it in a recording's folder, where ``load`` finds it."""

    def story(self, source: Source) -> str:
        """The finding in a sentence or two, for the top of a page."""
        return ""

    def cards(self, source: Source) -> Sequence[Card]:
        """The most telling units, the best first."""
        return ()

    @abstractmethod
    def sections(self, source: Source) -> Sequence[Section]:
        """Chapters of the overview."""

    def columns(self, source: Source) -> Columns:
        """Columns of the table of all units."""
        return {}

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        """Views of one unit; requested unit by unit."""
        return ()

    def scale(self, site: str, unit: int) -> Scale | None:
        """The scale of a unit's colours, where this part knows all that the unit does."""
        return None

    def says(self, site: str, unit: int) -> str:
        """A unit in a sentence with its evidence, if this part has any."""
        return ""

    def follows(self, site: str, unit: int) -> str:
        """The label that a unit follows best, where this part knows of one."""
        return ""


class OfSource(Part):
    """A part computed from the source wherever the page is made, so nothing is kept."""

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        return [cls()]

    def save(self, folder: Path) -> None:
        pass


@cache
def kinds() -> dict[str, type[Part]]:
    """Every kind of part there is, by name, those that stand first on a page before the others."""

    def belongs(module: ModuleType, value: Any) -> bool:
        return isinstance(value, type) and issubclass(value, Part) and value.__module__ == module.__name__

    found = by_name("parts", ((kind.key, module, kind) for module, kind in members("parts", belongs)))
    return dict(sorted(found.items(), key=lambda item: (item[1].order, item[0])))


def load_parts(folder: Path) -> list[Part]:
    """Everything that is kept in a recording's folder, in the order of a page. Raises ``InputError`` for damage."""
    return [part for kind in kinds().values() for part in kind.load(folder)]


def load_readable(folder: Path) -> list[Part]:
    """The same, with words instead of an error where something cannot be read, so that the rest is still seen."""
    parts: list[Part] = []
    unread: list[str] = []
    for kind in kinds().values():
        try:
            parts += kind.load(folder)
        except InputError as error:
            unread.append(str(error))
    return [*parts, Unread(unread)] if unread else parts


class Unread(Part):
    """Parts that could not be read, and the remedy."""

    order = 0

    def __init__(self, errors: Sequence[str]) -> None:
        self._errors = errors

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        return []

    def save(self, folder: Path) -> None:
        pass

    def story(self, source: Source) -> str:
        return "Something here cannot be shown: " + "; ".join(self._errors) + "."

    def sections(self, source: Source) -> Sequence[Section]:
        return ()
