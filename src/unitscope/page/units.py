"""From results to the units of a page: the table is the join of all columns, a unit's groups are all views of it."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from unitscope.fold.analysis import Analysis, catalogue, title
from unitscope.fold.resultset import ResultSet
from unitscope.page.page import UnitField, UnitGroup, UnitTable
from unitscope.result import Column

More = Callable[[str, int], Sequence[UnitGroup]]
"""Groups of a unit that stand before those of the analyses: its text, its ablation …"""


def unit_table(results: ResultSet) -> UnitTable:
    """One row per unit of every site; a column that a site does not have is NaN there."""
    heads: dict[tuple[str, str], UnitField] = {}
    columns: dict[str, dict[tuple[str, str], Column]] = {}
    for site in results.sites():
        columns[site] = {}
        for name, result in results.of(site).items():
            for column in result.columns():
                columns[site][name, column.name] = column
                analysis = name.split("-")[0]
                heads.setdefault((name, column.name), UnitField(column.name, column.kind, column.help, analysis))
    rows: list[list[Any]] = []
    for site in results.sites():
        units = next(iter(results.of(site).values())).units
        own = [columns[site].get(key) for key in heads]
        values = [[math.nan] * units if column is None else column.values.tolist() for column in own]
        rows.extend([site, unit, *(value[unit] for value in values)] for unit in range(units))
    return UnitTable(list(heads.values()), rows)


def unit_groups(results: ResultSet, site: str, more: More | None = None) -> Iterator[list[UnitGroup]]:
    """The groups of each unit of a site, from unit 0 on, made when they are asked for."""
    known = catalogue()
    parts = [
        (title(known[name.split("-")[0]]), _help(known[name.split("-")[0]]), result)
        for name, result in results.of(site).items()
    ]
    for unit in range(parts[0][2].units if parts else 0):
        groups = list(more(site, unit)) if more else []
        for head, text, result in parts:
            views = result.views(unit)
            if views:
                groups.append(UnitGroup(head, text, views))
        yield groups


def _help(analysis: type[Analysis[Any]]) -> str:
    """The docstring after its first line, as paragraphs; what it sets in double backquotes is code in single ones."""
    lines = (analysis.__doc__ or "").replace("``", "`").strip().splitlines()[1:]
    paragraphs = "\n".join(line.strip() for line in lines).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
