"""Usual values of every unit, and the distance of a unit from them."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from unitscope.analyses.quantiles import Quantiles
from unitscope.fold.analyze import analyze
from unitscope.fold.resultset import ResultSet
from unitscope.page.part import Part
from unitscope.page.parts.results import Results
from unitscope.page.run import scale_of_unit
from unitscope.recording.recording import Recording
from unitscope.source.subset import Subset

SAMPLE = 32_768
"""Tokens that are looked at where no analysis has said what is usual."""

Scales = Float[np.ndarray, "3 unit"]
"""The ends and the middle of the colours of every unit: low, middle, high."""


class Usual:
    """The scales of the units of a recording, site by site, made when they are asked for."""

    def __init__(self, recording: Recording, parts: Sequence[Part]) -> None:
        self._recording, self._parts = recording, list(parts)
        self._known: dict[str, Scales] = {}

    def scales(self, site: str) -> Scales:
        """Usual values of all units of a site, from the analysis of quantiles or, without it, from a sample."""
        if site not in self._known:
            units = self._recording.site_named(site).units
            if units and scale_of_unit(self._parts, site, 0) is None:
                self._parts.append(Results(self._sampled(site)))
            found = [scale_of_unit(self._parts, site, unit) or (-1.0, 0.0, 1.0) for unit in range(units)]
            self._known[site] = np.array(found, np.float64).reshape(-1, 3).T
        return self._known[site]

    def _sampled(self, site: str) -> ResultSet:
        numbers = self._recording.sequences
        every = min(max(1, int(self._recording.plan.tokens.sum()) // SAMPLE), len(numbers))
        return analyze(Subset(self._recording, numbers[::every], f"every {every}"), [Quantiles()], [site])


def distances(values: Float[np.ndarray, "token unit"], scales: Scales) -> Float[np.ndarray, "token unit"]:
    """Where values stand on their unit's scale: 0 in the middle, ±1 at the ends of the colours, and beyond them."""
    low, middle, high = scales
    above, below = high - middle, middle - low
    wide = np.maximum(np.maximum(above, below), 1e-12)
    # A side without colour is measured as the other one is.
    side = np.where(values >= middle, np.where(above > 0, above, wide), np.where(below > 0, below, wide))
    far: Float[np.ndarray, "token unit"] = (values - middle) / side
    return far


def throughout(far: Float[np.ndarray, "token unit"]) -> Float[np.ndarray, " unit"]:
    """Distance of every unit from its usual values at all of some tokens, on one side; 0 where it changes sides."""
    least, most = far.min(0), far.max(0)
    return np.where(least > 0, least, np.where(most < 0, most, 0.0))


def standing_out(
    values: Mapping[str, Float[np.ndarray, "token unit"]], usual: Usual, count: int
) -> list[tuple[str, int, float, float]]:
    """The units that are furthest from their usual throughout some tokens: site, unit, mean value, distance."""
    found: list[tuple[str, int, float, float]] = []
    for site, rows in values.items():
        far = throughout(distances(rows, usual.scales(site)))
        best = np.argsort(-np.abs(far), kind="stable")[:count]
        found += [(site, int(u), float(rows[:, u].mean()), float(far[u])) for u in best if far[u]]
    return sorted(found, key=lambda unit: -abs(unit[3]))[:count]
