"""Classes of a prediction's units, where these have names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unitscope.page.page import Section, UnitField, UnitGroup
from unitscope.page.part import Columns, OfSource
from unitscope.source.source import Source
from unitscope.views import Field, Table


@dataclass(frozen=True)
class Classes(OfSource):
    """The name of the class whose probability a unit is."""

    order = 4

    def sections(self, source: Source) -> Sequence[Section]:
        return ()

    def columns(self, source: Source) -> Columns:
        head = UnitField("class", "text", "what the unit is the log probability of", self.key)
        return {site.name: [(head, np.array(site.names, object))] for site in source.sites if site.names}

    def unit(self, source: Source, site: str, unit: int) -> Sequence[UnitGroup]:
        (names,) = [known.names for known in source.sites if known.name == site]
        if not names:
            return ()
        table = Table("Class", [Field("the unit is the log probability of", "text")], [[names[unit]]])
        return [UnitGroup("Class", "", [table])]
