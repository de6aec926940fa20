"""An intervention written as data: which units, and what value instead."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """Hold units of a site at fixed values at every step.

    The model computes everything downstream from the held value, in this step and the later ones.
    """

    site: str
    units: tuple[int, ...]
    values: tuple[float, ...]
    """One value per unit."""

    def __post_init__(self) -> None:
        if len(self.units) != len(self.values):
            raise ValueError(f"{len(self.units)} units but {len(self.values)} values")


def zero(site: str, units: Sequence[int]) -> Edit:
    """Silence the units."""
    return Edit(site, tuple(units), (0.0,) * len(units))
