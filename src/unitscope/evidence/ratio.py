"""Means over tokens as ratios of sums over pieces of evidence, and the difference of two such means.

The mean of some tokens is Σ_g s_g / Σ_g n_g. Its error, and that of *where − elsewhere*, which share pieces, are read
by leaving pieces out (``jackknife``); for a single ratio this is the textbook's √(G/(G − 1) Σ(s_g − m n_g)²)/n (Cochran
1977, chapter 6) with what unequal pieces owe. Degrees of freedom are of the pieces that have such tokens.
"""

import numpy as np
from jaxtyping import Float

from unitscope.evidence.jackknife import Estimate, jackknife


def mean(sums: Float[np.ndarray, "piece ..."], counts: Float[np.ndarray, "piece ..."]) -> Estimate:
    """The mean per token, such as the damage per prediction where a label holds."""
    counts = np.broadcast_to(counts, sums.shape)
    return jackknife(lambda s, n: s / n, (sums, counts), counts)


def difference(
    where: tuple[Float[np.ndarray, "piece ..."], Float[np.ndarray, "piece ..."]],
    elsewhere: tuple[Float[np.ndarray, "piece ..."], Float[np.ndarray, "piece ..."]],
) -> Estimate:
    """The mean of some tokens less that of others, each given as sums and counts by piece."""
    shape = where[0].shape
    counts, others = (np.broadcast_to(pair[1], shape) for pair in (where, elsewhere))
    # The rarer side decides: what the other has beside it says little of the difference.
    rarer = np.where(counts.sum(0) <= others.sum(0), counts, others)
    return jackknife(
        lambda s, n, t, m: s / n - t / m, (where[0], counts, np.broadcast_to(elsewhere[0], shape), others), rarer
    )
