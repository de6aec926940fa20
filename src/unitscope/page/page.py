"""A page as data: a story in a few cards, sections of views, a table of all units, and each unit.

The page knows views, not analyses, so whatever a result can show appears without a line here. What a unit shows is made
when it is asked for, so a page of any size is served at once and written in bounded memory.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from unitscope.views import Kind, Shown, TokenText, View, plain, to_json

SCHEMA = 3
FEW = 3
"""Cards that a notebook shows."""


@dataclass(frozen=True)
class Section:
    """A chapter of the overview: what was found, saturation, provenance … ``id`` is its place in the page's address.

    ``text`` holds paragraphs, divided by blank lines; words in backquotes are set as code.
    """

    id: str
    title: str
    text: str
    views: Sequence[View] = ()


@dataclass(frozen=True)
class Card:
    """One thing that was found, in one look: a unit, what it follows, a line of text in its colours, the evidence."""

    title: str
    unit: str
    """Its address, ``site/unit``."""
    text: TokenText | None = None
    facts: Sequence[str] = ()
    """A few short lines: the evidence, and what is lost without the unit."""


@dataclass(frozen=True)
class UnitField:
    """The head of a column of the table of all units, and who measured it."""

    name: str
    kind: Kind = "number"
    help: str = ""
    analysis: str = ""


@dataclass(frozen=True)
class UnitTable:
    """One row per unit of a site. Columns are as long as ``sites``; a number that is not known is NaN."""

    fields: Sequence[UnitField] = ()
    sites: Sequence[str] = ()
    """Of each row."""
    units: Sequence[int] = ()
    """Of each row: the unit's number in its site."""
    columns: Sequence[Sequence[Any] | np.ndarray] = ()

    @classmethod
    def of_rows(cls, fields: Sequence[UnitField], rows: Sequence[Sequence[Any]]) -> "UnitTable":
        """From rows ``[site, unit, value …]``. Raises ``ValueError`` for one that is not as wide as its head."""
        for row in rows:
            if len(row) != 2 + len(fields):
                raise ValueError(f"the row of {row[0]}/{row[1]} has {len(row)} values, its head {2 + len(fields)}")
        sites, units, *columns = zip(*rows, strict=True) if rows else [()] * (2 + len(fields))
        return cls(fields, sites, units, columns)

    def to_pandas(self) -> pd.DataFrame:
        """One row per unit, indexed by site and unit. Of two columns of one name, the second says who measured it."""
        frame: dict[str, Any] = {}
        for head, column in zip(self.fields, self.columns, strict=True):
            frame[f"{head.name} ({head.analysis})" if head.name in frame else head.name] = column
        index = pd.MultiIndex.from_arrays([list(self.sites), list(self.units)], names=["site", "unit"])
        return pd.DataFrame(frame, index=index)

    def row(self, site: str, unit: int) -> dict[str, Any]:
        """The values of one unit, by the names of their fields."""
        for number, (where, which) in enumerate(zip(self.sites, self.units, strict=True)):
            if (where, which) == (site, unit):
                return {f.name: column[number] for f, column in zip(self.fields, self.columns, strict=True)}
        return {}


@dataclass(frozen=True)
class UnitGroup:
    """Views of one analysis (or one question) for one unit."""

    title: str
    help: str
    views: Sequence[View]


class Groups(tuple[UnitGroup, ...], Shown):
    """Everything that is shown of one unit."""

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        return "", [view for group in self for view in group.views]


class Units:
    """Views of each unit of a site, made on access."""

    def __init__(self, count: int, make: Callable[[int], Sequence[UnitGroup]]) -> None:
        self._count = count
        self._make = make

    @classmethod
    def of(cls, made: Sequence[Sequence[UnitGroup]]) -> "Units":
        """Units made so far."""
        return cls(len(made), made.__getitem__)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sequence[UnitGroup]]:
        return (self._make(unit) for unit in range(self._count))

    def __getitem__(self, unit: int) -> Groups:
        if not 0 <= unit < self._count:
            raise IndexError(unit)
        return Groups(self._make(unit))


@dataclass(frozen=True, repr=False)
class Page(Shown):
    """Everything on a page."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    table: UnitTable = field(default_factory=UnitTable)
    units: Mapping[str, Units] = field(default_factory=dict)
    """By site, what each unit from 0 on shows."""
    story: str = ""
    """What was found, in a sentence or two."""
    cards: Sequence[Card] = ()

    def in_notebook(self) -> tuple[str, Sequence[View]]:
        return f"{self.title}. {self.story.partition(chr(10))[0]}", [
            card.text for card in self.cards[:FEW] if card.text
        ]

    def __repr__(self) -> str:
        return f"<Page {self.title!r}: {len(self.sections)} sections, {sum(map(len, self.units.values())):,} units>"


def build_page(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    table: UnitTable | None = None,
    units: Mapping[str, Units] | None = None,
    story: str = "",
    cards: Sequence[Card] = (),
) -> Page:
    """A page, checked: columns as long as their table, section ids unique. Raises ``ValueError`` where they are not."""
    table = table or UnitTable()
    if len(table.columns) != len(table.fields):
        raise ValueError(f"there are {len(table.columns)} columns under {len(table.fields)} heads")
    for head, column in zip(table.fields, table.columns, strict=True):
        if len(column) != len(table.sites):
            raise ValueError(f"the column {head.name!r} has {len(column)} values for {len(table.sites)} units")
    ids = [section.id for section in sections]
    if len(set(ids)) != len(ids):
        raise ValueError(f"section ids must differ: {', '.join(ids)}")
    return Page(title, subtitle, sections, table, units or {}, story, cards)


def head_json(page: Page) -> dict[str, Any]:
    """First screen as JSON values: findings, and links to the rest. Its size does not depend on the units."""
    return {
        "schema": SCHEMA,
        "title": page.title,
        "subtitle": page.subtitle,
        "story": page.story,
        "cards": [card_json(card) for card in page.cards],
        "sections": [{"id": section.id, "title": section.title} for section in page.sections],
        "sites": [[site, len(units)] for site, units in page.units.items()],
    }


def table_json(page: Page) -> dict[str, Any]:
    """The table of all units as JSON values, column by column."""
    return {
        "fields": [asdict(head) for head in page.table.fields],
        "sites": [[site, number] for site, number in runs(page.table.sites)],
        "units": list(map(int, page.table.units)),
        "columns": [plain(column) for column in page.table.columns],
    }


def overview_json(page: Page) -> dict[str, Any]:
    """All of a page but its units, as JSON values."""
    return {
        **head_json(page),
        "sections": [section_json(section) for section in page.sections],
        "table": table_json(page),
    }


def section_json(section: Section) -> dict[str, Any]:
    """A section as JSON values."""
    views = [to_json(view) for view in section.views]
    return {"id": section.id, "title": section.title, "text": section.text, "views": views}


def card_json(card: Card) -> dict[str, Any]:
    """A card as JSON values."""
    text = to_json(card.text) if card.text else None
    return {"title": card.title, "unit": card.unit, "text": text, "facts": list(card.facts)}


def unit_json(groups: Sequence[UnitGroup]) -> list[dict[str, Any]]:
    """One unit's groups as JSON values."""
    return [{"title": g.title, "help": g.help, "views": [to_json(view) for view in g.views]} for g in groups]


def runs(values: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Equal neighbours once, with how many there are."""
    before, count = "", 0
    for value in values:
        if count and value != before:
            yield before, count
            count = 0
        before, count = value, count + 1
    if count:
        yield before, count


def joined(
    tables: Sequence[Mapping[str, Sequence[tuple[UnitField, np.ndarray]]]], units: Mapping[str, int]
) -> UnitTable:
    """The table of all units: columns of several tables, by site, side by side; NaN (or nothing) where one has none.

    ``units`` says how many units each site has. Columns of one name and one origin are one column.
    """
    heads: dict[tuple[str, str], UnitField] = {}
    found: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    for table in tables:
        for site, said in table.items():
            for head, values in said:
                key = (head.analysis, head.name)
                heads.setdefault(key, head)
                found.setdefault(key, {})[site] = values
    starts = dict(zip(units, np.cumsum([0, *units.values()]), strict=False))
    whole = sum(units.values())
    columns: list[np.ndarray] = []
    for key, head in heads.items():
        words = head.kind in ("text", "unit")
        column = np.full(whole, "" if words else math.nan, dtype=object if words else np.float64)
        for site, values in ((site, values) for site, values in found[key].items() if site in starts):
            column[starts[site] : starts[site] + units[site]] = values
        columns.append(column)
    sites = [site for site, count in units.items() for _ in range(count)]
    return UnitTable(list(heads.values()), sites, [u for count in units.values() for u in range(count)], columns)
