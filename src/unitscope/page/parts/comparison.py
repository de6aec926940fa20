"""A comparison with another network, kept beside the recording of the first."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unitscope.comparison.compare import Comparison, SiteComparison
from unitscope.files.damage import damaged
from unitscope.files.inside import name_of
from unitscope.files.jsons import parse
from unitscope.files.tensors import read_tensors, write_tensors
from unitscope.files.writing import make_folder
from unitscope.fold.resultset import ResultSet
from unitscope.fold.state import Packed, pack, unpack
from unitscope.page.comparison import comparison_sections, partner_columns, partner_group
from unitscope.page.page import Section, UnitGroup
from unitscope.page.part import Columns, Part
from unitscope.source.source import Source

FOLDER = "comparisons"
FILE = "comparison.safetensors"
MEND = "compare them again"


@dataclass(frozen=True, eq=False)
class Kept:
    """A comparison without the summaries of both networks, which are results like others."""

    names: tuple[str, str]
    provenance: tuple[Mapping[str, str], Mapping[str, str]]
    sequences: int
    tokens: int
    sites: list[SiteComparison]


@dataclass(frozen=True, eq=False)
class Compared(Part):
    """The outcome of ``unitscope compare``, seen from the first network."""

    order = 45
    found: Comparison

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        parts = []
        for path in sorted((folder / FOLDER).glob(f"*/{FILE}")):
            tensors, metadata = read_tensors(path, MEND)
            try:
                kept = unpack(Kept, Packed(tensors, parse(metadata["plain"])))
            except (ValueError, KeyError, TypeError) as error:
                raise damaged(path, error, MEND) from error
            results = ResultSet.load(path.parent / "a"), ResultSet.load(path.parent / "b")
            parts.append(cls(Comparison(**vars(kept), results=results)))
        return parts

    def save(self, folder: Path) -> None:
        place = folder / FOLDER / name_of(self.found.names[1])
        make_folder(place)
        for end, results in zip("ab", self.found.results, strict=True):
            results.merge_into(place / end)
        whole = vars(self.found)
        packed = pack(Kept(**{name: whole[name] for name in Kept.__dataclass_fields__}))
        write_tensors(place / FILE, packed.tensors, {"plain": json.dumps(packed.plain)})

    def sections(self, source: Source) -> Sequence[Section]:
        against = f"against {self.found.names[1]}"
        return [
            replace(section, id=f"{section.id}-{name_of(self.found.names[1])}", title=f"{section.title}, {against}")
            for section in comparison_sections(self.found)
        ]

    def columns(self, source: Source) -> Columns:
        whole = partner_columns(self.found, ("", "B:"))
        return {
            site: [(replace(field, kind="text" if field.kind == "unit" else field.kind), v) for field, v in columns]
            for site, columns in whole.items()
            if not site.startswith("B:")
        }

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        return partner_group(self.columns(source), site, unit)
