"""Concepts of a layer: which there are, their lengths, and the number of units of each.

Na, Choe, Lee & Kim 2019, sections 4.3 to 4.5. The number of units of a concept is confounded with its frequency, since
candidates come from sentences, where the frequent are more often seen; it stands beside the same number of an untrained
twin, and the correlation with anything else beside the one that remains when frequency is held fixed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from unitscope.banks.alignment import Alignment
from unitscope.banks.bank import Bank
from unitscope.evidence.bootstrap import drawn, interval

LONGEST = 5
"""Longer phrases are counted with those of so many words."""
DRAWS = 1000


def granularity(alignment: Alignment, bank: Bank) -> dict[str, float]:
    """Share of the layer's aligned concepts that are morphemes, words, and phrases of 2, 3, 4, 5 or more words."""
    chosen = alignment.concepts[alignment.concepts >= 0]
    words = np.minimum(bank.table["words"].to_numpy()[chosen], LONGEST)
    names = ["morpheme", "word", *(f"{n} words" for n in range(2, LONGEST)), f"{LONGEST} words or more"]
    return {name: float((words == n).mean()) if len(words) else float("nan") for n, name in enumerate(names)}


def phrase_share(alignment: Alignment, bank: Bank) -> float:
    """Share of the layer's aligned concepts that have two words or more."""
    chosen = alignment.concepts[alignment.concepts >= 0]
    return float((bank.table["words"].to_numpy()[chosen] >= 2).mean()) if len(chosen) else float("nan")


def units_of_concepts(alignment: Alignment, bank: Bank) -> Int[np.ndarray, " concept"]:
    """Number of units aligned with each concept of the bank."""
    return np.bincount(alignment.concepts[alignment.concepts >= 0], minlength=len(bank))


@dataclass(frozen=True)
class Related:
    """Correlation of the number of units of a concept with another quantity, over the concepts of a layer."""

    concepts: int
    pearson: float
    low: float
    """The 95 % interval of ``pearson``, by drawing concepts again."""
    high: float
    spearman: float
    held_fixed: float
    """Spearman when the frequency of the concepts is held fixed; NaN where there is none to hold."""


def related(
    units: Int[np.ndarray, " concept"],
    other: Float[np.ndarray, " concept"],
    frequency: Float[np.ndarray, " concept"] | None = None,
    seed: int = 0,
) -> Related:
    """Correlations over the concepts for which ``other`` is known. NaN where one side is constant or has two only."""
    known = np.isfinite(other)
    x, y = units[known].astype(float), np.asarray(other[known], float)
    if len(x) < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Related(len(x), *(float("nan"),) * 5)
    low, high = interval(_pearson_of_draws(x, y, drawn(len(x), DRAWS, seed)))
    fixed = float("nan")
    if frequency is not None:
        fixed = _partial(*(stats.rankdata(values) for values in (x, y, frequency[known])))
    return Related(
        len(x), float(stats.pearsonr(x, y)[0]), float(low), float(high), float(stats.spearmanr(x, y)[0]), fixed
    )


def _pearson_of_draws(
    x: Float[np.ndarray, " item"], y: Float[np.ndarray, " item"], times: Int[np.ndarray, "draw item"]
) -> Float[np.ndarray, " draw"]:
    """NaN where a draw has no spread."""
    x, y = x - x.mean(), y - y.mean()
    mx, my, xx, yy, xy = (times @ values / len(x) for values in (x, y, x * x, y * y, x * y))
    vx, vy = xx - mx**2, yy - my**2
    varies = (vx > 1e-12 * xx) & (vy > 1e-12 * yy)
    return np.where(varies, (xy - mx * my) / np.sqrt(np.where(varies, vx * vy, 1.0)), np.nan)


def _partial(x: np.ndarray, y: np.ndarray, fixed: np.ndarray) -> float:
    """The correlation of what a straight line through ``fixed`` leaves of x and y."""
    if np.ptp(fixed) == 0:
        return float(np.corrcoef(x, y)[0, 1])
    left, right = (values - np.polyval(np.polyfit(fixed, values, 1), fixed) for values in (x, y))
    if min(np.ptp(left), np.ptp(right)) < 1e-9:
        return float("nan")
    return float(np.corrcoef(left, right)[0, 1])
