"""The false discovery rate over many tests."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats


def adjusted(p: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Benjamini & Hochberg's (1995) q of each p, over all that are finite; a test that was not made has no q."""
    flat = np.asarray(p, dtype=np.float64).ravel()
    made = np.isfinite(flat)
    q = np.full(flat.shape, np.nan)
    if made.any():
        q[made] = stats.false_discovery_control(flat[made])
    return q.reshape(np.shape(p))


def combined(p: Float[np.ndarray, "unit label"]) -> Float[np.ndarray, " unit"]:
    """Simes' (1986) p of "the unit follows none of the labels"; NaN for a unit without a test."""
    made = np.isfinite(p)
    count = made.sum(1)
    ordered = np.sort(np.where(made, p, np.inf), axis=1)
    with np.errstate(all="ignore"):
        least = np.min(ordered * count[:, None] / np.arange(1, p.shape[1] + 1), axis=1, initial=np.inf)
    return np.where(count > 0, np.minimum(least, 1.0), np.nan)


def by_unit(
    p: Float[np.ndarray, "unit label"], level: float = 0.05
) -> tuple[Float[np.ndarray, " unit"], Bool[np.ndarray, "unit label"]]:
    """Which units follow something, and which labels each of these follows (Benjamini & Bogomolov 2014).

    First q of each unit, Benjamini and Hochberg's of Simes' p over units. Within each of the R of m units that pass,
    its labels are tested at level·R/m, so that of what is said of the units that people read, one in twenty is expected
    to be wrong on average over these units; many true pairs elsewhere do not loosen it.
    """
    q = adjusted(combined(p))
    passed = q <= level
    tested = int(np.isfinite(q).sum())
    follows = np.zeros(p.shape, dtype=bool)
    for unit in np.flatnonzero(passed):
        follows[unit] = adjusted(p[unit]) <= level * int(passed.sum()) / tested
    return q, follows
