"""Do independent values of one kind lie above those of another? By ranks (Mann & Whitney 1947)."""

import numpy as np
from jaxtyping import Float
from scipy import stats


def above(first: Float[np.ndarray, " _"], second: Float[np.ndarray, " _"]) -> tuple[float, float]:
    """AUC, the chance that one of the first is above one of the second, and the one-sided p that it is not above ½.

    Values are pieces of evidence, such as whole texts. The normal approximation, corrected for ties.
    """
    test = stats.mannwhitneyu(first, second, alternative="greater", method="asymptotic")
    return float(test.statistic) / (len(first) * len(second)), float(test.pvalue)
