"""Results of analyses: the columns of all units, a section for each analysis, and every view of a unit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from unitscope.analyses.quantiles import QuantilesResult
from unitscope.fold.analysis import Analysis, catalogue, title
from unitscope.fold.resultset import INDEX, ResultSet
from unitscope.page.page import Section, UnitField, UnitGroup
from unitscope.page.part import Columns, Part, Scale
from unitscope.source.source import Source
from unitscope.views import Scatter, View, scale_from

FOLDER = "results"


@dataclass(frozen=True, eq=False)
class Results(Part):
    """Results of analyses."""

    order = 60
    results: ResultSet

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        return [cls(ResultSet.load(folder / FOLDER))] if (folder / FOLDER / INDEX).exists() else []

    def save(self, folder: Path) -> None:
        self.results.merge_into(folder / FOLDER)

    def sections(self, source: Source) -> Sequence[Section]:
        found = []
        for name in dict.fromkeys(key for _, key in self.results.entries):
            of = [self._of[site][name] for site in self.results.sites() if name in self._of[site]]
            views = [(result.site, view) for result in of for view in result.views()]
            if views:
                found.append(Section(f"all-{name}", views[0][1].title, self._says(name)[1], by_site(views)))
        return found

    def columns(self, source: Source) -> Columns:
        return self.columns_by_site()

    def columns_by_site(self) -> Columns:
        """The columns of every result, which no source is needed for."""
        return {
            site: [
                (UnitField(column.name, column.kind, column.help, name), column.values)
                for name, result in results.items()
                for column in result.columns()
            ]
            for site, results in self._of.items()
        }

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        return self.groups(site, unit)

    def groups(self, site: str, unit: int) -> list[UnitGroup]:
        """Every view of a unit."""
        return [
            UnitGroup(head, text, views)
            for name, result in self._of.get(site, {}).items()
            for head, text in [self._says(name)]
            if (views := result.views(unit))
        ]

    def scale(self, site: str, unit: int) -> Scale | None:
        result = self._of.get(site, {}).get("quantiles")
        if not isinstance(result, QuantilesResult):
            return None
        at = dict(zip(result.levels, result.values[:, unit].tolist(), strict=True))
        least, most = at[min(at)], at[max(at)]
        return scale_from(least, at[0.01], at[0.1], at[0.5], at[0.9], at[0.99], most)

    @cached_property
    def _of(self) -> dict[str, dict[str, Any]]:
        return {site: self.results.of(site) for site in self.results.sites()}

    @cached_property
    def _known(self) -> dict[str, tuple[str, str]]:
        return {name: (title(kind), explained(kind)) for name, kind in catalogue().items()}

    def _says(self, name: str) -> tuple[str, str]:
        """The title of an analysis and what it is, by the name of a result."""
        return self._known[name.split("-")[0]]


def by_site(views: Sequence[tuple[str, View]]) -> list[View]:
    """The views of all sites, each saying which. Scatters of one scale share a picture per stream, a colour a layer."""
    shown: dict[str, View] = {}
    for site, view in views:
        name = f"{view.title}: {site}"
        if isinstance(view, Scatter) and view.xrange and view.yrange:
            name = f"{view.title}: {site.rsplit('.', 1)[-1]}"
            before = shown.get(name)
            if isinstance(before, Scatter):
                view = replace(before, groups=[*before.groups, *view.groups])
        shown[name] = replace(view, title=name)
    return list(shown.values())


def explained(analysis: type[Analysis[Any]]) -> str:
    """The docstring after its first line, as paragraphs; what it sets in double backquotes is code in single ones."""
    lines = (analysis.__doc__ or "").replace("``", "`").strip().splitlines()[1:]
    paragraphs = "\n".join(line.strip() for line in lines).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
