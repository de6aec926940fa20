"""Rare labels: the label of each document is turned round in its document, by any number of tokens.

Under "the unit does not follow the label" every turn is as likely as the one that is there, whatever the rhythm of
either, and levels of documents stay where they are. Permuting tokens within documents is no such test: a third of
autocorrelated units pass it. All turns of a document are one circular cross-correlation, so a draw is a sum of one turn
of each document.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from unitscope.evidence.permutation import of_draws

DRAWS = 20_000


def turned(
    units: Sequence[Float[np.ndarray, "token unit"]],
    labels: Sequence[Float[np.ndarray, " token"]],
    draws: int = DRAWS,
    seed: int = 0,
) -> Float[np.ndarray, " unit"]:
    """Two-sided p of Σ x y over all documents, each turned by itself; a document without the label says nothing."""
    draw = np.random.default_rng(seed)
    said = [(x, y) for x, y in zip(units, labels, strict=True) if np.ptp(y) > 0]
    count = units[0].shape[1] if len(units) else 0
    value, sums = np.zeros(count), np.zeros((draws, count))
    for x, y in said:
        y0 = y - y.mean()
        each = np.fft.irfft(np.fft.rfft(x - x.mean(0), axis=0) * np.fft.rfft(y0)[:, None].conj(), len(y), axis=0)
        value += each[0]
        sums += each[draw.integers(len(y), size=draws)]
    spread = sums.std(0)
    with np.errstate(all="ignore"):
        far, all_far = np.abs(value) / spread, np.abs(sums) / spread
    p = np.array([of_draws(float(one), drawn) for one, drawn in zip(far, all_far.T, strict=True)])
    return np.where(spread > 1e-9 * max(1.0, float(np.max(spread, initial=0.0))), p, np.nan)
