"""softWPMI: open-vocabulary labels for units (CLIP-Dissect, Oikarinen & Weng 2023), for texts.

CLIP's similarities of images and words become any matrix of texts and concepts: a sentence encoder's cosines, or
``tf_idf`` of the bank. The score takes off what a concept gets from every unit, so that it corrects for concepts that
all units like.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from scipy import special
from torch import Tensor

from unitscope.banks.bank import Bank
from unitscope.concepts.pair_rows import pair_rows
from unitscope.concepts.pairs import Hypotheses
from unitscope.errors import InputError

TOP = 100
SHARPNESS = 10.0
FIRST, LAST = 0.998, 0.970
"""How sure it is that the first and the last of the top texts belong to the unit's concept."""
NAME = "soft-wpmi"
SOME = 10
"""The top texts are a tenth of all, ten at least, and ``TOP`` at most."""
TEXTS = 20_000
"""Are kept at most."""


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
    """Of the top rows of each unit, the most activating first."""
    top = rows.shape[1]
    trust = FIRST - np.arange(top) / top * (FIRST - LAST)
    scores = np.stack([np.log(1 + trust[:, None] * (probability[own] - 1) + 1e-7).sum(0) for own in rows])
    if constant.all():
        return np.full_like(scores, np.nan)
    common = special.logsumexp(scores[~constant], axis=0) - np.log((~constant).sum())
    found: np.ndarray = np.where(constant[:, None], np.nan, scores - weight * common)
    return found


class TopTexts:
    """The score as a measure: each sequence is a text, whose value is its mean; a hypothesis is in it or is not.

    Keeps ``TEXTS`` texts. A hypothesis that is in none or in all of them says nothing of a text, and a number is in
    none: these have no score.
    """

    def __init__(self, hypotheses: Hypotheses, units: Mapping[str, Int[np.ndarray, " unit"]], sequences: int) -> None:
        """Raises ``InputError`` for fewer than two flags, and for too few texts to have a tenth."""
        self.flags = np.flatnonzero(hypotheses.is_flag)
        if len(self.flags) < 2:
            raise InputError(f"{NAME} compares hypotheses with each other; ask two flags or more")
        if sequences < 2 * SOME:
            raise InputError(f"{NAME} needs {2 * SOME} texts, and there are {sequences}; give more, or shorter ones")
        self.names = hypotheses.names
        self.units = units
        self.sequences = sequences
        self.top = min(TOP, max(SOME, min(sequences, TEXTS) // SOME))
        self.holds: list[UInt8[np.ndarray, "text byte"]] = []
        self.best: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        """Values and numbers of each unit's top texts, ``[top unit]``."""
        self.low: dict[str, np.ndarray] = {}
        self.texts = 0

    @property
    def full(self) -> bool:
        return self.texts >= TEXTS

    def take(
        self,
        batch: int,
        sequence: Int[Tensor, " token"],
        x: Mapping[str, Float[Tensor, "token unit"]],
        y: Float[Tensor, "token hypothesis"],
    ) -> None:
        """Means and flags of each text."""
        _, lengths = torch.unique_consecutive(sequence, return_counts=True)
        flags = (y[:, self.flags] > 0.5).float()
        said = torch.segment_reduce(flags, "max", lengths=lengths.to(flags.device), axis=0)
        self.holds.append(np.packbits(said.cpu().numpy() > 0, axis=1))
        rows = np.arange(self.texts, self.texts + len(lengths))[:, None]
        for site, values in x.items():
            means = torch.segment_reduce(values, "mean", lengths=lengths.to(values.device), axis=0).cpu().numpy()
            every = np.broadcast_to(rows, means.shape)
            low = means.min(0)
            if site in self.best:
                means, every = np.concatenate([self.best[site][0], means]), np.concatenate([self.best[site][1], every])
                low = np.minimum(low, self.low[site])
            order = np.argsort(-means, axis=0, kind="stable")[: self.top]  # of equal ones the earlier
            self.best[site] = np.take_along_axis(means, order, 0), np.take_along_axis(every, order, 0)
            self.low[site] = low
        self.texts += len(lengths)

    def table(self) -> pd.DataFrame:
        """A row for each unit and hypothesis."""
        holds = np.unpackbits(np.concatenate(self.holds), axis=1)[:, : len(self.flags)]
        share = holds.mean(0)
        telling = (share > 0) & (share < 1)
        frames = []
        for site, numbers in self.units.items():
            values, rows = self.best[site]
            used, place = np.unique(rows, return_inverse=True)
            similarity = weighted(holds[used][:, telling], share[telling])
            constant = values[0] == self.low[site]
            probability = special.softmax(SHARPNESS * similarity, axis=1)
            found = np.full((len(numbers), len(self.names)), np.nan)
            found[:, self.flags[telling]] = _scores(place.reshape(rows.shape).T, probability, constant, 1.0)
            notes = np.full(found.shape, "a number, which is in no text", dtype=object)
            notes[:, self.flags] = "in all texts, or in none"
            notes[constant] = "the unit is constant"
            notes[np.isfinite(found)] = ""
            frames.append(pair_rows(site, numbers, self.names, NAME, value=found, note=notes))
        return pd.concat(frames, ignore_index=True).assign(read=self.texts / self.sequences)
