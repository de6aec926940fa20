"""Is it more than wiring? A trained network's best unit against those of K untrained networks.

All are compared by the same statistic on the same tokens: the unit is chosen on one share of the text, and its \\|r\\|
on another is the number. If training did nothing, the trained network's number would be one more draw of the K. So

- K ≥ 19: by rank, p = (1 + number of untrained at least as good) / (K + 1), which is exact whatever their distribution;
- 5 ≤ K < 19: by a one-sided prediction bound for one more draw (Hahn & Meeker 1991), on Fisher's z: how often
  (z − mean) / (s √(1 + 1/K)) is as large if all K + 1 are draws of Gumbel's distribution, the law of maxima. A bound
  for normal draws, Student's t, is passed by 7 to 8 % of maxima over 64 units: they are skewed;
- fewer: not tested.

The variance over initialisations is counted, so more text does not make certainty of two or three networks.
"""

import functools

import numpy as np
from jaxtyping import Float

RANKED = 19
"""Networks from which on rank alone can reach .05."""
FEWEST = 5
DRAWS = 20_000
"""Of the law of maxima."""
NOT_TESTED = f"not tested: fewer than {FEWEST} untrained networks"


def exceedance(
    trained: Float[np.ndarray, "..."], untrained: Float[np.ndarray, "network ..."]
) -> Float[np.ndarray, "..."]:
    """p of "one more untrained network would do as well". \\|r\\| of the best units; NaN where nothing was tested.

    An untrained network without a value counts as the value 0: none of its units follows the label.
    """
    own, others = np.abs(trained), np.nan_to_num(np.abs(untrained))
    count = len(others)
    if count < FEWEST:
        return np.full(np.shape(own), np.nan)
    if count >= RANKED:
        p = (1 + (others >= own).sum(0)) / (count + 1)
    else:
        z, draws = (np.arctanh(np.minimum(values, 1 - 1e-12)) for values in (own, others))
        spread = draws.std(0, ddof=1) * np.sqrt(1 + 1 / count)
        with np.errstate(all="ignore"):
            distance = (z - draws.mean(0)) / spread
        law = _of_maxima(count)
        p = (1 + len(law) - np.searchsorted(law, distance)) / (1 + len(law))
        p = np.where(spread > 1e-12, p, np.where(z > draws.mean(0) + 1e-12, 1 / (1 + len(law)), 1.0))
    return np.where(np.isfinite(own), p, np.nan)


@functools.cache
def _of_maxima(count: int) -> Float[np.ndarray, " draw"]:
    """Distances of one more draw from ``count`` of Gumbel's distribution, in rising order; always the same draws."""
    draws = np.random.default_rng(count).gumbel(size=(DRAWS, count + 1))
    others = draws[:, 1:]
    spread = others.std(1, ddof=1) * np.sqrt(1 + 1 / count)
    return np.sort((draws[:, 0] - others.mean(1)) / spread)
