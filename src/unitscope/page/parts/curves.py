"""Curves of damage by the number of ablated units."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unitscope.interventions.cumulative import Cumulative, load_curves, save_curves
from unitscope.page.page import Section
from unitscope.page.part import Part
from unitscope.source.source import Source

TEXT = (
    "More and more units of a site are changed at once: those that are missed most alone come first, or units at "
    "random. The order was found on other sequences than the curve is measured on."
)


@dataclass(frozen=True, eq=False)
class Curves(Part):
    """The outcome of ``unitscope ablate --curve``."""

    order = 35
    curves: Sequence[Cumulative]

    @classmethod
    def load(cls, folder: Path) -> Sequence[Part]:
        curves = load_curves(folder)
        return [cls(curves)] if curves else []

    def save(self, folder: Path) -> None:
        save_curves(self.curves, folder)

    def sections(self, source: Source) -> Sequence[Section]:
        return [Section("curves", "What is lost without many units", TEXT, [curve.view() for curve in self.curves])]
