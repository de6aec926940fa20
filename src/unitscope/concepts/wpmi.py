"""softWPMI: open-vocabulary labels for units (CLIP-Dissect, Oikarinen & Weng 2023), for texts.

CLIP's similarities of images and words become any matrix of texts and concepts: a sentence encoder's cosines, or
``tf_idf`` of the bank. The score takes off what a concept gets from every unit, so that it corrects for concepts that
all units like.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy import special

from unitscope.banks.bank import Bank
from unitscope.errors import InputError

TOP = 100
SHARPNESS = 10.0
FIRST, LAST = 0.998, 0.970
"""How sure it is that the first and the last of the top texts belong to the unit's concept."""


def tf_idf(bank: Bank) -> Float[np.ndarray, "text concept"]:
    """Whether a text holds a concept, weighted by the concept's rarity; each text's vector has length 1."""
    return weighted(bank.inclusion.toarray(), bank.table["sentences"].to_numpy() / bank.sentence_count)


def weighted(
    holds: Shaped[np.ndarray, "text concept"], share: Float[np.ndarray, " concept"]
) -> Float[np.ndarray, "text concept"]:
    """The same of flags, and of the share of all texts that hold each concept."""
    weighted = holds * -np.log(share)
    norm = np.linalg.norm(weighted, axis=1, keepdims=True)
    scaled: np.ndarray = weighted / np.where(norm > 0, norm, 1.0)
    return scaled


def soft_wpmi(
    texts: Float[np.ndarray, "text unit"],
    similarity: Float[np.ndarray, "row concept"],
    top: int = TOP,
    weight: float = 1.0,
) -> Float[np.ndarray, "unit concept"]:
    """The score of every pair; the largest of a row is the unit's label. NaN for a constant unit.

    With P' the softmax of ``SHARPNESS``·similarity over the concepts, B the ``top`` texts of unit u (the i-th of them
    trusted by p_i, falling evenly from ``FIRST`` towards ``LAST``) and
    s(u, c) = Σ_{i ∈ B} log(1 + p_i (P'_{i,c} − 1) + 1e-7), the score is s(u, c) − ``weight``·log mean_u' exp s(u', c).
    Raises ``InputError`` if there are fewer texts than ``top``, or texts and similarities differ in number.
    """
    if len(texts) != len(similarity):
        raise InputError(f"there are {len(texts):,} texts and similarities of {len(similarity):,}; give the same texts")
    if not 0 < top <= len(texts):
        raise InputError(f"the {top} most activating of {len(texts):,} texts are wanted; ask for fewer")
    rows = np.stack([np.argsort(-np.asarray(texts[:, unit]), kind="stable")[:top] for unit in range(texts.shape[1])])
    return _scores(
        rows, special.softmax(SHARPNESS * similarity.astype(np.float64), axis=1), np.ptp(texts, 0) == 0, weight
    )


def _scores(
    rows: Int[np.ndarray, "unit top"],
    probability: Float[np.ndarray, "row concept"],
    constant: Bool[np.ndarray, " unit"],
    weight: float,
) -> Float[np.ndarray, "unit concept"]:
    """Score over the top rows of each unit, the most activating first."""
    top = rows.shape[1]
    trust = FIRST - np.arange(top) / top * (FIRST - LAST)
    scores = np.stack([np.log(1 + trust[:, None] * (probability[own] - 1) + 1e-7).sum(0) for own in rows])
    if constant.all():
        return np.full_like(scores, np.nan)
    common = special.logsumexp(scores[~constant], axis=0) - np.log((~constant).sum())
    found: np.ndarray = np.where(constant[:, None], np.nan, scores - weight * common)
    return found
