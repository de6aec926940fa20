"""Results of probes: tables and pictures of sites × labels, and the rank of a unit among those of its site."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unitscope.page.page import Section, UnitGroup
from unitscope.page.part import Part
from unitscope.probing.table import FILE, ProbeTable
from unitscope.probing.unit_ranks import ranks_view
from unitscope.source.source import Source

TEXT = """
A linear probe predicts a label of a word from the activations of one site at that word. Control is its accuracy when
every word type has a random class instead, which only the probe itself can have learnt; selectivity is the difference.
Scores are from words that were neither fitted on nor used to choose a penalty.

Codelength is the bits of an online code of the training labels: the sooner a probe predicts well, the shorter it is.
"""
RANKS = """\
Where the unit stands among the units of its site when they are ranked by what they tell of a label. Ranks answer to the
method that made them, so two stand side by side; a unit that is first in both is worth ablating.\
"""


@dataclass(frozen=True, eq=False)
class Probes(Part):
    """The outcome of ``unitscope probe``."""

    order = 30
    table: ProbeTable

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        return [cls(ProbeTable.load(folder))] if (folder / FILE).exists() else []

    def save(self, folder: Path) -> None:
        self.table.save(folder)

    def sections(self, source: Source) -> Sequence[Section]:
        return [probes_section(self.table)]

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        ranks = self.table.of_site(site)
        return [UnitGroup("What probes read from it", RANKS, [ranks_view(ranks, unit)])] if ranks else []


def probes_section(table: ProbeTable) -> Section:
    """Tables and pictures of sites × labels."""
    return Section("probes", "What probes read", TEXT.strip(), table.views())
