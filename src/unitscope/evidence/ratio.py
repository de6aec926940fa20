"""Means over tokens as ratios of sums over pieces of evidence, and the difference of two such means.

The mean of some tokens is Σ_g s_g / Σ_g n_g. Its error, and that of *where − elsewhere*, which share pieces, are read
by leaving pieces out (``jackknife``); for a single ratio this is the textbook's √(G/(G − 1) Σ(s_g − m n_g)²)/n (Cochran
1977, chapter 6) with what unequal pieces owe. Degrees of freedom are of the pieces that have such tokens.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from unitscope.evidence.jackknife import Estimate, jackknife


def mean(sums: Float[np.ndarray, "piece ..."], counts: Float[np.ndarray, "piece ..."]) -> Estimate:
    """The mean per token, such as the damage per prediction where a label holds."""
    counts = np.broadcast_to(counts, sums.shape)
    return jackknife(lambda s, n: s / n, (sums, counts), counts)


def from_moments(
    pieces: float,
    n: float,
    nn: float,
    s: Float[np.ndarray, "..."],
    sn: Float[np.ndarray, "..."],
    ss: Float[np.ndarray, "..."],
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """A ratio of sums and its 95 % interval from Σn, Σn², Σs, Σsn and Σs² over pieces that are too many to be kept.

    Cochran's error; unequal pieces count for (Σn)²/Σn² − 1 degrees of freedom. NaN ends for fewer than three pieces.
    """
    with np.errstate(all="ignore"):
        m = np.asarray(s / (n or np.nan))
        spread = np.sqrt(np.maximum(ss - 2 * m * sn + m**2 * nn, 0)) / (n or np.nan)
        freedom = max(n**2 / nn - 1, 1.0) if nn > 0 else 1.0
        width = stats.t.ppf(0.975, freedom) * np.sqrt(pieces / (pieces - 1)) if pieces > 2 else np.nan
    return m, np.asarray(m - width * spread), np.asarray(m + width * spread)


def of_values(values: Float[np.ndarray, "piece ..."], chance: float = 0.0) -> Estimate:
    """The plain mean over pieces, with Student's t interval and test of ``chance``; NaN is no piece."""
    known = np.isfinite(values)
    counts = known.astype(np.float64)
    return jackknife(lambda s, n: s / n, (np.where(known, values, 0.0), counts), counts, chance=chance, least=2)


def share(
    sums: Float[np.ndarray, " piece"], counts: Float[np.ndarray, " piece"], level: float = 0.95
) -> tuple[float, float, float]:
    """A share, such as an accuracy, and its interval; ``sums`` are how many of ``counts`` are right in each piece.

    Wilson's (1927) interval for as many independent tokens as would have the error that pieces show (Korn & Graubard
    1998), with Student's t for the quantile. Where all are right or none, pieces count as single tokens.
    """
    here = counts > 0
    pieces, n = int(here.sum()), float(counts.sum())
    if pieces < 2:
        return (float(sums.sum() / n) if n else np.nan), np.nan, np.nan
    found = jackknife(lambda s, c: s / c, (sums, counts), counts, least=2)
    m = float(found.value)
    error = float(found.error)
    worth = m * (1 - m) / error**2 if error > 0 else float(pieces)
    q = float(stats.t.ppf((1 + level) / 2, found.freedom))
    middle, width = m + q**2 / (2 * worth), q * np.sqrt(m * (1 - m) / worth + q**2 / (4 * worth**2))
    whole = 1 + q**2 / worth
    return m, max(0.0, float((middle - width) / whole)), min(1.0, float((middle + width) / whole))


def by_piece(
    values: Float[np.ndarray, " token"], piece: Int[np.ndarray, " token"]
) -> tuple[Float[np.ndarray, " piece"], Float[np.ndarray, " piece"]]:
    """Sums and counts of each piece, of values with the number of the piece of each."""
    own = np.unique(piece, return_inverse=True)[1].reshape(-1)
    return np.bincount(own, weights=values), np.bincount(own).astype(np.float64)


def above_zero(sums: Float[np.ndarray, " piece"], counts: Float[np.ndarray, " piece"]) -> float:
    """One-sided p that the mean is not above zero; NaN for one piece.

    Where all pieces gain alike there is no spread to be read, and the sign test's p stands: half for each piece.
    """
    found = mean(sums, counts)
    here = int((counts > 0).sum())
    if np.isfinite(found.above):
        return float(found.above)
    return np.nan if here < 2 else 0.5**here if float(found.value) > 0 else 1.0


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
