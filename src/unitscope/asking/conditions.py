"""Which pairs of unit and label are looked at closely: the best unit of each label, or all that a condition keeps."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from unitscope.errors import InputError

COMPARISONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
HAVING = re.compile(
    r"\s*(\|?)\s*(correlation)\s*(\|?)\s*(>=|<=|>|<)\s*(-?[0-9]{0,9}\.?[0-9]{0,9}(?:e-?[0-9]{1,3})?)\s*"
)


def pairs_of(
    having: Sequence[str], r: Mapping[str, Float[np.ndarray, "unit label"]], labels: Sequence[str]
) -> list[tuple[str, int, int]]:
    """Site, unit and label of the pairs, by their correlations where units are chosen.

    Without conditions the best unit of each label, over all sites; a label that no unit follows has none. Raises
    ``InputError`` for what is no condition.
    """
    tests = [condition(text) for text in having]
    if tests:
        kept: list[tuple[str, int, int]] = []
        for site, table in r.items():
            holds: Bool[np.ndarray, "unit label"] = np.isfinite(table)
            for absolute, compare, limit in tests:
                holds &= compare(np.abs(table) if absolute else table, limit)
            kept += [(site, int(unit), int(k)) for unit, k in np.argwhere(holds)]
        return kept
    best: list[tuple[str, int, int]] = []
    for k in range(len(labels)):
        strength = {site: np.nan_to_num(np.abs(table[:, k]), nan=-1.0) for site, table in r.items() if len(table)}
        site = max(strength, key=lambda name: float(strength[name].max()), default="")
        if site and strength[site].max() > 0:
            best.append((site, int(strength[site].argmax()), k))
    return best


def condition(text: str) -> tuple[bool, Callable[[np.ndarray, float], np.ndarray], float]:
    """Whether the absolute value is meant, the comparison, and the limit."""
    match = HAVING.fullmatch(text)
    try:
        if match and bool(match[1]) == bool(match[3]):
            return bool(match[1]), COMPARISONS[match[4]], float(match[5])
    except ValueError:
        pass
    raise InputError(f"{text!r} is no condition; write, for example, '|correlation| > 0.3'")
