"""When a unit counts as on: thresholds on both sides, given or proposed from the data.

A unit is on above its upper threshold, or below its lower one; each side is a condition of its own, because a cell at
-0.9 says as much as one at 0.9. A proposal is made from a sample of whole sequences, spread evenly over the recording.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from unitscope.analyses.moments import Moments, MomentsResult
from unitscope.analyses.quantiles import LEVELS, Quantiles, QuantilesResult
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.models.site import Site
from unitscope.recording.recording import Recording
from unitscope.source.subset import Subset

SAMPLE = 32_768
"""Tokens from which thresholds are proposed."""
WAYS = {"deviations": 1.0, "quantile": 0.1}
"""Ways to propose thresholds, with their usual parameter."""


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of one site: a unit is on from ``high`` upwards, and from ``low`` downwards; infinite where never."""

    low: Float[np.ndarray, " unit"]
    high: Float[np.ndarray, " unit"]


def thresholds(recording: Recording, sites: Sequence[Site], said: float | str) -> dict[str, Thresholds]:
    """Thresholds of every unit of some sites.

    ``said`` is a number t (on from t upwards and from -t downwards, as in LSTMVis), ``deviations:1`` (so many standard
    deviations from the unit's mean), or ``quantile:0.1`` (the share of steps on which a unit is on, on either side).
    A side is left out where its threshold is the unit's median too: a ReLU at 0 is not on from 0 downwards.
    Raises ``InputError`` for anything else.
    """
    value = _number(said)
    if value is not None:
        if not value > 0 or math.isinf(value):
            raise InputError(f"a threshold is above 0, not {said}; the same with a minus sign is the lower one")
        return {site.name: Thresholds(np.full(site.units, -value), np.full(site.units, value)) for site in sites}
    way, amount = _way(str(said))
    numbers = recording.sequences
    every = max(1, int(recording.plan.tokens.sum()) // SAMPLE)
    sample = Subset(recording, numbers[:: min(every, len(numbers))], f"every {every}")
    names = [site.name for site in sites]
    if way == "quantile" and amount not in LEVELS:
        known = ", ".join(f"{level:g}" for level in LEVELS if level < 0.5)
        raise InputError(f"the share of a quantile is one of {known}, not {amount:g}")
    results = analyze(sample, [Quantiles(), Moments()], names)
    made = {}
    for name in names:
        quantiles, moments = results[name, Quantiles().key], results[name, Moments().key]
        assert isinstance(quantiles, QuantilesResult)
        assert isinstance(moments, MomentsResult)
        median = quantiles.values[LEVELS.index(0.5)].astype(np.float64)
        if way == "quantile":
            low, high = (quantiles.values[LEVELS.index(level)] for level in (amount, round(1 - amount, 3)))
        else:
            low, high = moments.mean - amount * moments.std, moments.mean + amount * moments.std
        made[name] = Thresholds(np.where(low < median, low, -np.inf), np.where(high > median, high, np.inf))
    return made


def _number(said: float | str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def _way(said: str) -> tuple[str, float]:
    way, _, amount = said.partition(":")
    value = _number(amount) if amount else WAYS.get(way)
    if way not in WAYS or value is None or not 0 < value < math.inf or (way == "quantile" and value >= 0.5):
        raise InputError(
            f"no threshold is called {said!r}; give a number, deviations:1 (standard deviations from the mean) or "
            "quantile:0.1 (the share of steps on either side, below 0.5)"
        )
    return way, value
