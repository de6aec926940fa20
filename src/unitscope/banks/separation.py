"""Separation of the texts that contain a unit's concept from those that do not.

The area under the ROC curve needs no scale, and over held-out texts it does not know that the concept was chosen: what
an untrained network reaches there is what anybody would. The p-value is that of Mann and Whitney's test.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unitscope.banks.alignment import Sign
from unitscope.banks.bank import Bank
from unitscope.evidence.fdr import adjusted
from unitscope.evidence.ranks import above


@dataclass(frozen=True, eq=False)
class Separation:
    """AUROC of one concept for each unit. NaN where too few texts contain it, or the unit is constant."""

    auroc: Float[np.ndarray, " unit"]
    p: Float[np.ndarray, " unit"]
    """That the unit is larger on texts with the concept by chance; one-sided."""
    texts: Int[np.ndarray, " unit"]
    """Texts with the concept."""

    def significant(self, rate: float = 0.05) -> np.ndarray:
        """The units that are found at this false discovery rate (Benjamini & Hochberg 1995)."""
        found: np.ndarray = adjusted(self.p) <= rate
        return found


def separation(
    texts: Float[np.ndarray, "text unit"],
    bank: Bank,
    concepts: Int[np.ndarray, " unit"],
    without: Int[np.ndarray, "unit k"] | None = None,
    least: int = 5,
    sign: Sign = 1,
    shuffled: int | None = None,
) -> Separation:
    """The area for each unit's concept (−1: none) over the texts of the bank, but for the texts ``without``.

    A concept needs ``least`` texts that hold it and as many that do not. ``shuffled`` is the seed of a control in which
    each concept stands in as many texts, drawn at random.
    """
    inclusion = bank.inclusion.tocsc()
    units = texts.shape[1]
    auroc, p = np.full(units, np.nan), np.full(units, np.nan)
    counts = np.zeros(units, np.int64)
    draw = np.random.default_rng(shuffled)
    for unit in np.flatnonzero(concepts >= 0):
        concept = concepts[unit]
        holds = np.zeros(len(texts), bool)
        holds[inclusion.indices[inclusion.indptr[concept] : inclusion.indptr[concept + 1]]] = True
        kept = np.ones(len(texts), bool)
        if without is not None:
            kept[without[unit]] = False
        holds, values = holds[kept], sign * texts[kept, unit]
        if shuffled is not None:
            holds = draw.permutation(holds)
        counts[unit] = holds.sum()
        if min(holds.sum(), (~holds).sum()) < least or np.ptp(values) == 0:
            continue
        auroc[unit], p[unit] = above(values[holds], values[~holds])
    return Separation(auroc, p, counts)
