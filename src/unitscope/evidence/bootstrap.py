"""Pieces of evidence drawn again, for what has no formula: an order, the nearest of several, the best step of a curve.

Efron (1979). Where a number is a function of sums, ``jackknife`` is cheaper and covers better with few pieces.
"""

import numpy as np
from jaxtyping import Float, Int


def drawn(pieces: int, draws: int = 1000, seed: int = 0) -> Int[np.ndarray, "draw piece"]:
    """Number of times each piece is in each draw: sums over draws are one product."""
    times: np.ndarray = np.random.default_rng(seed).multinomial(pieces, np.full(pieces, 1 / pieces), size=draws)
    return times


def interval(values: Float[np.ndarray, "draw ..."], level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of what was read from each draw; NaN are left out, NaN where there is nothing else."""
    known = np.isfinite(values).any(0)
    ends = np.full((2, *values.shape[1:]), np.nan)
    half = (1 - level) / 2
    if known.any():
        ends[:, known] = np.nanquantile(np.asarray(values)[:, known], [half, 1 - half], axis=0)
    return np.asarray(ends[0]), np.asarray(ends[1])
