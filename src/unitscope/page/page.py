"""What a page shows, as data: sections of views, a table of all units, and groups of views for each unit.

The page knows views, not analyses, so whatever a result can show appears without a line here. Units are given
as one iterable per site and are read once, a few at a time, so a page of any size is written in bounded memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from unitscope.view import Kind, Table, View, to_json

SCHEMA = 1


@dataclass(frozen=True)
class Section:
    """A chapter of the overview: provenance, findings, saturation … ``id`` is its place in the page's address.

    ``text`` holds paragraphs, divided by blank lines; words in backquotes are set as code.
    """

    id: str
    title: str
    text: str
    views: Sequence[View] = ()


@dataclass(frozen=True)
class UnitField:
    """The head of a column of the table of all units, and the analysis that measured it."""

    name: str
    kind: Kind = "number"
    help: str = ""
    analysis: str = ""


@dataclass(frozen=True)
class UnitTable:
    """One row per unit: ``[site, unit, value …]``, with one value per field. Unknown numbers are NaN."""

    fields: Sequence[UnitField]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class UnitGroup:
    """What one analysis (or one question) shows of one unit."""

    title: str
    help: str
    views: Sequence[View]


UnitGroups = Mapping[str, Iterable[Sequence[UnitGroup]]]
"""Per site, the groups of each unit from 0 on. Generators are welcome: they are read once, in order."""


@dataclass(frozen=True)
class Page:
    """Everything on a page. ``units`` may hold generators, so a page can be written once."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    table: UnitTable
    units: UnitGroups


def build_page(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    table: UnitTable,
    units: UnitGroups,
) -> Page:
    """A page, checked: rows as wide as their head, section ids unique. Raises ``ValueError`` where they are not."""
    width = 2 + len(table.fields)
    for row in table.rows:
        if len(row) != width:
            raise ValueError(f"the row of {row[0]}/{row[1]} has {len(row)} values, its head {width}")
    ids = [section.id for section in sections]
    if len(set(ids)) != len(ids):
        raise ValueError(f"section ids must differ: {', '.join(ids)}")
    return Page(title, subtitle, sections, table, units)


def overview_json(page: Page) -> dict[str, Any]:
    """All of a page but its units, as JSON values."""
    return {
        "schema": SCHEMA,
        "title": page.title,
        "subtitle": page.subtitle,
        "sections": [
            {"id": s.id, "title": s.title, "text": s.text, "views": [to_json(view) for view in s.views]}
            for s in page.sections
        ],
        "table": {
            "fields": [asdict(field) for field in page.table.fields],
            "rows": to_json(Table("", (), page.table.rows))["rows"],
        },
    }


def unit_json(groups: Sequence[UnitGroup]) -> list[dict[str, Any]]:
    """One unit's groups as JSON values."""
    return [{"title": g.title, "help": g.help, "views": [to_json(view) for view in g.views]} for g in groups]


def blocks(page: Page, size: int) -> Iterator[tuple[str, int, list[Sequence[UnitGroup]]]]:
    """The units of each site, ``size`` at a time: site, number of the block, groups of its units."""
    for site, units in page.units.items():
        rest = iter(units)
        for number in range(2**31):
            block = list(islice(rest, size))
            if not block:
                break
            yield site, number, block
