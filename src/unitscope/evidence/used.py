"""Does the model use a unit where a label holds? From what holding the unit fixed costs, over pieces of evidence.

A unit is *used* if all of these hold, for one label of those that were asked:
- the cost where the label holds is above zero, and above the cost elsewhere: the larger of both one-sided p (an
  intersection–union test: Berger 1982) passes the false discovery rate over the labels asked;
- *where − elsewhere* is larger than for each of some random units of similar activity. If the unit were one of them, it
  would be the largest of K + 1 in one of K + 1 cases, so K = 19 keep it to 5 %, whatever costs are like.

Where there is nothing to read this from (no loss, too few pieces with such tokens, too few random units), it was *not
measured*, which is not the same as *not used*.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from unitscope.evidence.fdr import adjusted
from unitscope.evidence.jackknife import Estimate
from unitscope.evidence.ratio import difference, mean

CONTROLS = 19
"""Random units, enough for one in twenty."""
Verdict = Literal["used", "not used", "not measured"]


@dataclass(frozen=True, eq=False)
class Costs:
    """Costs of an ablation where each label holds and where it does not, in sums over the tokens of each piece."""

    where: Float[np.ndarray, "piece label"]
    where_tokens: Float[np.ndarray, "piece label"]
    elsewhere: Float[np.ndarray, "piece label"]
    elsewhere_tokens: Float[np.ndarray, "piece label"]

    def on(self) -> Estimate:
        """The mean where the label holds."""
        return mean(self.where, self.where_tokens)

    def off(self) -> Estimate:
        """The mean elsewhere."""
        return mean(self.elsewhere, self.elsewhere_tokens)

    def contrast(self) -> Estimate:
        """*Where − elsewhere*."""
        return difference((self.where, self.where_tokens), (self.elsewhere, self.elsewhere_tokens))

    def p(self) -> Float[np.ndarray, " label"]:
        """One-sided, that the cost is not both above zero and above that elsewhere; NaN where this cannot be read."""
        tests = []
        for found in (self.on(), self.contrast()):
            # What costs nothing anywhere has no spread, and is no cost.
            p = np.where(np.isnan(found.above) & (found.value <= 0) & (_pieces(self) >= 3), 1.0, found.above)
            tests.append(p)
        return np.maximum(*tests)


def verdicts(
    p: Float[np.ndarray, " label"],
    contrast: Float[np.ndarray, " label"],
    controls: Float[np.ndarray, "unit label"],
    level: float = 0.05,
) -> tuple[list[Verdict], Float[np.ndarray, " label"]]:
    """Verdict for each label with its own unit, and q over the labels of the question.

    ``p`` and ``contrast`` (*where − elsewhere*) are of the label's unit, ``controls`` the same contrast of random units
    of its site; NaN rows are no units. They are only needed where q passes.
    """
    q = adjusted(p)
    known = np.isfinite(controls)
    enough = known.sum(0) >= CONTROLS
    beyond = np.all(~known | (controls < contrast), axis=0)

    def said(one: float, some: bool, larger: bool) -> Verdict:
        if one > level:
            return "not used"
        return "not measured" if np.isnan(one) or not some else "used" if larger else "not used"

    return [said(*parts) for parts in zip(q.tolist(), enough.tolist(), beyond.tolist(), strict=True)], q


def similar(
    activity: Float[np.ndarray, " unit"], unit: int, taken: Sequence[int] = (), count: int = CONTROLS, seed: int = 0
) -> Int[np.ndarray, " control"]:
    """Random units whose activity, such as their standard deviation, is nearest in rank to that of a unit.

    Drawn from the nearest twice as many; ``taken`` units, which were found to follow something, are left out.
    """
    near = nearest(activity, unit, taken, 2 * count)
    return np.asarray(np.sort(np.random.default_rng([seed, unit]).permutation(near)[:count]))


def nearest(
    activity: Float[np.ndarray, " unit"], unit: int, taken: Sequence[int], count: int
) -> Int[np.ndarray, " near"]:
    """The units whose activity is nearest in rank to that of a unit, none of them ``taken``."""
    rank = np.empty(len(activity))
    rank[np.argsort(np.nan_to_num(activity), kind="stable")] = np.arange(len(activity))
    others = np.array([other for other in range(len(activity)) if other != unit and other not in set(taken)], dtype=int)
    return np.asarray(others[np.argsort(np.abs(rank[others] - rank[unit]), kind="stable")][:count])


def _pieces(costs: Costs) -> Int[np.ndarray, " label"]:
    return np.asarray(np.minimum((costs.where_tokens > 0).sum(0), (costs.elsewhere_tokens > 0).sum(0)))
