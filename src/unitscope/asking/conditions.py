"""Which pairs of unit and label are looked at closely: the best unit of each label, or all that conditions keep."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from unitscope.asking.measures import Measure, measured
from unitscope.errors import InputError

COMPARISONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
HAVING = re.compile(r"\s*(\|?)\s*([a-z][a-z0-9-]{0,40})\s*(\|?)\s*(>=|<=|>|<)\s*(-?[0-9.]{1,20}(?:e-?[0-9]{1,3})?)\s*")
BySite = Mapping[str, Float[np.ndarray, "unit label"]]


@dataclass(frozen=True)
class Condition:
    """A bound on a measure."""

    measure: Measure
    absolute: bool
    comparison: str
    limit: float

    def holds(self, values: Float[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
        """Where it does; not where there is no value."""
        values = np.abs(values) if self.absolute else values
        return np.asarray(np.isfinite(values) & COMPARISONS[self.comparison](values, self.limit))


def condition(text: str) -> Condition:
    """Parse a condition. Raises ``InputError`` for anything else, and for a measure that cannot be a condition."""
    match = HAVING.fullmatch(text)
    if not match or bool(match[1]) != bool(match[3]):
        raise InputError(f"{text!r} is no condition; write, for example, '|correlation| > 0.3' or 'auroc > 0.9'")
    (measure,) = measured([match[2]])
    if measure.kind == "halves":
        raise InputError(f"{measure.name} needs both sides of the text; write |correlation| in place of it in {text!r}")
    try:
        return Condition(measure, bool(match[1]), match[4], float(match[5]))
    except ValueError as error:
        raise InputError(f"{match[5]} is no number in {text!r}") from error


def pairs_of(
    conditions: Sequence[Condition], tables: Callable[[str], BySite], labels: Sequence[str]
) -> list[tuple[str, int, int]]:
    """Site, unit and label of the pairs, by what is measured where units are chosen (``tables`` of a measure's name).

    Without conditions the best unit of each label, over all sites; of a label that none can follow the first unit, so
    that the table has the reason.
    """
    if conditions:
        kept: dict[str, np.ndarray] = {}
        for one in conditions:
            for site, values in tables(one.measure.name).items():
                kept[site] = kept.get(site, np.ones(values.shape, bool)) & one.holds(values)
        return [(site, int(unit), int(k)) for site, holds in kept.items() for unit, k in np.argwhere(holds)]
    best: list[tuple[str, int, int]] = []
    r = tables("correlation")
    for k in range(len(labels)):
        strength = {site: np.nan_to_num(np.abs(table[:, k]), nan=-1.0) for site, table in r.items() if len(table)}
        if strength:
            site = max(strength, key=lambda name: float(strength[name].max()))
            best.append((site, int(strength[site].argmax()), k))
    return best
