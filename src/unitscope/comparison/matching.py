"""Which unit of one network is which of another: the units whose activations move together.

Units are in an arbitrary order in every trained network, so they are compared only after they have been matched.
A best partner among hundreds correlates by chance too. So partners are also chosen on one half of the sequences and
their correlation measured on the other.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from unitscope.comparison.joint import Joint


@dataclass(frozen=True, eq=False)
class Matching:
    """Partners of the units of network A in network B. ``r`` are Pearson correlations, with their sign."""

    partner: Int[np.ndarray, " a"]
    """By the assignment, one to one, of the largest Σ |r|; −1 for a unit that is left over."""
    r: Float[np.ndarray, " a"]
    """With the partner; NaN where there is none."""
    confirmed: Float[np.ndarray, " a"]
    """|r| with the partner that an assignment on half of the sequences gives, on the other half."""
    best: Int[np.ndarray, " a"]
    """The unit of B with the largest |r|."""
    best_r: Float[np.ndarray, " a"]
    best_of_b: Int[np.ndarray, " b"]
    """For each unit of B the unit of A with the largest |r|."""
    best_r_of_b: Float[np.ndarray, " b"]

    @property
    def mutual(self) -> np.ndarray:
        """Whether a unit and its best partner are each other's best."""
        found: np.ndarray = self.best_of_b[self.best] == np.arange(len(self.best))
        return found


def match(halves: tuple[Joint, Joint], a: int = 0, b: int = 1) -> Matching:
    """Match the units of two networks. The halves are of different sequences."""
    r = halves[0].merge(halves[1]).correlation(a, b).numpy()
    partner = assign(r)
    has = partner >= 0
    return Matching(
        partner=partner,
        r=np.where(has, r[np.arange(len(r)), partner], np.nan),
        confirmed=_confirmed(halves, a, b),
        best=np.abs(r).argmax(1),
        best_r=r[np.arange(len(r)), np.abs(r).argmax(1)],
        best_of_b=np.abs(r).argmax(0),
        best_r_of_b=r[np.abs(r).argmax(0), np.arange(r.shape[1])],
    )


def assign(r: Float[np.ndarray, "a b"]) -> Int[np.ndarray, " a"]:
    """The one-to-one assignment of the largest Σ |r|; −1 for units of A that are left over."""
    rows, columns = linear_sum_assignment(-np.abs(r))
    partner = np.full(len(r), -1)
    partner[rows] = columns
    return partner


def _confirmed(halves: tuple[Joint, Joint], a: int, b: int) -> Float[np.ndarray, " a"]:
    """Mean of both directions: chosen on one half, measured on the other. NaN where one half has too few tokens."""
    if min(half.count for half in halves) < 3:
        return np.full(halves[0].widths[a], np.nan)
    r = [half.correlation(a, b).numpy() for half in halves]
    found = []
    for chosen, measured in (r, r[::-1]):
        partner = assign(chosen)
        # The sign is chosen too: a partner whose sign turns on the other half is none.
        sign = np.sign(chosen[np.arange(len(chosen)), partner])
        found.append(np.where(partner >= 0, sign * measured[np.arange(len(measured)), partner], np.nan))
    mean: np.ndarray = (found[0] + found[1]) / 2
    return mean
