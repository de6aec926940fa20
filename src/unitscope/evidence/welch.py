"""The difference of two independent means: Welch's (1947) interval and test, and its size."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats


@dataclass(frozen=True)
class Group:
    """Independent numbers of one kind."""

    n: int
    mean: float
    sd: float
    """With n − 1 below."""

    @classmethod
    def of(cls, values: Float[np.ndarray, " _"]) -> "Group":
        """Size, mean and deviation of some numbers."""
        return cls(len(values), float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else math.nan)


@dataclass(frozen=True)
class Difference:
    """Second less first; NaN for a group of one, and where nothing varies."""

    value: float
    low: float
    """95 %."""
    high: float
    t: float
    p: float
    d: float
    """Cohen's d, in pooled standard deviations."""

    @property
    def defined(self) -> bool:
        return math.isfinite(self.t)


def difference(first: Group, second: Group) -> Difference:
    """Welch's interval for two groups of independent numbers, such as runs or sequences."""
    value = second.mean - first.mean
    own = [group.sd**2 / group.n if group.n > 1 else math.nan for group in (first, second)]
    error = math.sqrt(sum(own))
    if not error > 0:
        return Difference(value, *(math.nan,) * 5)
    freedom = sum(own) ** 2 / sum(part**2 / (group.n - 1) for part, group in zip(own, (first, second), strict=True))
    width = float(stats.t.ppf(0.975, freedom)) * error
    pooled = math.sqrt(sum((g.n - 1) * g.sd**2 for g in (first, second)) / (first.n + second.n - 2))
    p = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Difference(value, value - width, value + width, value / error, p, value / pooled)


def hedges(found: Difference, runs: int) -> float:
    """Hedges' (1981) g: Cohen's d, corrected for few runs."""
    return found.d * (1 - 3 / (4 * runs - 9))
