"""Concept selectivity (Na et al. 2019, eq. 2), with every set of texts that was proposed for its first mean.

    Sel = (mean over S⁺ − mean over the texts without any aligned concept) / (largest − smallest text activation)

S⁺ is the replicated concepts, the single ones, the texts that hold one, those but the unit's own top texts, or texts
drawn at random. Replicated and single texts are not of the corpus, so Sel may exceed 1. The replicated form is
in-sample: the concepts were chosen by the very same activations, and an untrained network reaches the same values.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy import sparse

from unitscope.banks.alignment import Sign, check
from unitscope.banks.bank import Bank

BLOCK = 1024
"""Texts that are looked at together."""
UNITS = 512
RANDOM = 100
"""Texts that are drawn for the random set."""


@dataclass(frozen=True, eq=False)
class Selectivity:
    """Selectivity of one site. NaN for a constant unit, no aligned concept, or no text with or without one."""

    replicate: Float[np.ndarray, " unit"]
    instance: Float[np.ndarray, " unit"]
    inclusion: Float[np.ndarray, " unit"]
    inclusion_without_top: Float[np.ndarray, " unit"]
    random: Float[np.ndarray, " unit"]
    undefined: Bool[np.ndarray, " unit"]
    """The unit is constant, or nothing is aligned with it."""

    def to_pandas(self) -> pd.DataFrame:
        """One row per unit."""
        return pd.DataFrame(asdict(self))


def selectivity(
    texts: Float[np.ndarray, "text unit"],
    degree: Float[np.ndarray, "concept unit"],
    instance: Float[np.ndarray, "concept unit"],
    bank: Bank,
    concepts: Int[np.ndarray, "unit m"],
    top: Int[np.ndarray, "unit k"],
    seed: int = 0,
    sign: Sign = 1,
) -> Selectivity:
    """The selectivity of every unit for its set of concepts (−1 stands for none).

    ``texts``, ``degree`` and ``instance`` are activations of the corpus, of the replicated and of the single concepts.
    Texts are read once, a block at a time. Raises ``InputError`` if they are not those of the bank.
    """
    check(texts, degree, bank)
    units = texts.shape[1]
    known = concepts >= 0
    used, place = np.unique(np.where(known, concepts, 0), return_inverse=True)
    place = place.reshape(concepts.shape)
    inclusion = sparse.csr_array(bank.inclusion[:, used])
    drawn = np.zeros(len(texts), bool)
    drawn[np.random.default_rng(seed).permutation(len(texts))[:RANDOM]] = True
    sums = np.zeros((4, units))  # with a concept, without, with but not a top text, drawn
    counts = np.zeros((4, units))
    low, high = np.full(units, np.inf), np.full(units, -np.inf)
    for first in range(0, len(texts), BLOCK):
        x = sign * np.asarray(texts[first : first + BLOCK])  # [row unit]
        holds = inclusion[first : first + BLOCK].toarray() > 0  # [row concept]
        low, high = np.minimum(low, x.min(0)), np.maximum(high, x.max(0))
        for begin in range(0, units, UNITS):
            here = slice(begin, begin + UNITS)
            has = (holds[:, place[here]] & known[here]).any(2)  # [row unit]
            is_top = np.zeros_like(has)
            unit, rank = np.nonzero((top[here] >= first) & (top[here] < first + len(x)))
            is_top[top[here][unit, rank] - first, unit] = True
            every = np.broadcast_to(drawn[first : first + len(x), None], has.shape)
            for at, rows in enumerate((has, ~has, has & ~is_top, every)):
                sums[at, here] += np.where(rows, x[:, here], 0).sum(0, dtype=np.float64)
                counts[at, here] += rows.sum(0)
    undefined = (high == low) | ~known.any(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
        span = np.where(high > low, high - low, np.nan)
        fed = [sign * _mean_of(values, concepts) for values in (degree, instance)]
        scores = [(plus - means[1]) / span for plus in (*fed, means[0], means[2], means[3])]
    names = ("replicate", "instance", "inclusion", "inclusion_without_top", "random")
    defined = {name: np.where(undefined, np.nan, score) for name, score in zip(names, scores, strict=True)}
    return Selectivity(**defined, undefined=undefined)


def _mean_of(
    values: Float[np.ndarray, "concept unit"], concepts: Int[np.ndarray, "unit m"]
) -> Float[np.ndarray, " unit"]:
    known = concepts >= 0
    picked = values[np.where(known, concepts, 0), np.arange(len(concepts))[:, None]]  # [unit m]
    mean: np.ndarray = np.where(known, picked, 0).sum(1, dtype=np.float64) / known.sum(1)
    return mean
