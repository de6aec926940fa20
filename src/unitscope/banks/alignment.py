"""Concept alignment (Na, Choe, Lee & Kim 2019): the concepts that activate a unit most, out of its own top texts.

The degree of alignment of unit u with concept c is the mean activation of u over c repeated to the average length.
A unit's candidates are the concepts of its K most activating texts; the M with the largest degree are aligned.
``sign=-1`` asks the same of what a unit does when it is most negative.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from unitscope.banks.bank import Bank
from unitscope.errors import InputError

Sign = Literal[1, -1]
TOP, BEST = 10, 3
"""K and M of the paper."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Concepts aligned with each unit of one site. −1 and NaN stand where a unit has fewer than M candidates."""

    top: Int[np.ndarray, "unit k"]
    """The most activating texts, the most activating first; of equal ones the earlier."""
    top_value: Float[np.ndarray, "unit k"]
    concepts: Int[np.ndarray, "unit m"]
    degree: Float[np.ndarray, "unit m"]
    candidates: Int[np.ndarray, " unit"]
    """How many concepts were compared: the arg-max is over so many."""
    constant: Bool[np.ndarray, " unit"]
    """The unit has one value on all texts; nothing is aligned with it."""


def align(
    texts: Float[np.ndarray, "text unit"],
    degree: Float[np.ndarray, "concept unit"],
    bank: Bank,
    top: int = TOP,
    best: int = BEST,
    sign: Sign = 1,
) -> Alignment:
    """The ``best`` concepts of every unit.

    ``texts`` is the activation of each text of the bank's corpus (``pooled``), ``degree`` that of each replicated
    concept. Raises ``InputError`` if these are not the bank's.
    """
    check(texts, degree, bank)
    units = texts.shape[1]
    rows = top_texts(texts, top, sign)
    constant = np.ptp(texts, axis=0) == 0
    concepts = np.full((units, best), -1, np.int64)
    found = np.full((units, best), np.nan, np.float32)
    counts = np.zeros(units, np.int64)
    for unit in np.flatnonzero(~constant):
        candidates = candidates_of(bank, rows[unit])
        counts[unit] = len(candidates)
        values = sign * degree[candidates, unit]
        order = np.argsort(-values, kind="stable")[:best]
        concepts[unit, : len(order)] = candidates[order]
        found[unit, : len(order)] = degree[candidates[order], unit]
    values = np.take_along_axis(np.asarray(texts), rows.T, axis=0).T
    return Alignment(rows, values, concepts, found, counts, constant)


def top_texts(texts: Float[np.ndarray, "text unit"], count: int, sign: Sign = 1) -> Int[np.ndarray, "unit k"]:
    """The texts with the largest (or smallest) value of each unit; of equal ones the earlier."""
    count = min(count, len(texts))
    rows = np.empty((texts.shape[1], count), np.int64)
    for unit in range(texts.shape[1]):
        values = sign * np.asarray(texts[:, unit])
        least = np.partition(values, len(values) - count)[len(values) - count]
        enough = np.flatnonzero(values >= least)
        rows[unit] = enough[np.argsort(-values[enough], kind="stable")[:count]]
    return rows


def candidates_of(bank: Bank, texts: Int[np.ndarray, " text"]) -> Int[np.ndarray, " concept"]:
    """The concepts that stand in some of the bank's texts, of those that are spelt alike the first."""
    found = np.unique(bank.inclusion[texts].indices).astype(np.int64)
    firsts: Int[np.ndarray, " concept"] = found[bank.is_first[found]]
    return firsts


def random_candidates(
    alignment: Alignment, bank: Bank, seed: int = 0, best: int = BEST
) -> tuple[Int[np.ndarray, "unit m"], Int[np.ndarray, "unit m"]]:
    """Two nulls for the arg-max: concepts drawn from the whole bank, and from each unit's own candidates."""
    draw = np.random.default_rng(seed)
    firsts = np.flatnonzero(bank.is_first)
    units = len(alignment.top)
    anywhere = np.stack([draw.choice(firsts, min(best, len(firsts)), replace=False) for _ in range(units)])
    own = np.full((units, best), -1, np.int64)
    for unit in np.flatnonzero(~alignment.constant):
        drawn = draw.permutation(candidates_of(bank, alignment.top[unit]))[:best]
        own[unit, : len(drawn)] = drawn
    return anywhere, own


def check(texts: Float[np.ndarray, "text unit"], degree: Float[np.ndarray, "concept unit"], bank: Bank) -> None:
    """Raises ``InputError`` if the activations are not of the bank's texts and concepts."""
    if len(texts) != bank.sentence_count or len(degree) != len(bank):
        raise InputError(
            f"the bank has {len(bank):,} concepts of {bank.sentence_count:,} texts, and there are activations of "
            f"{len(degree):,} concepts and {len(texts):,} texts; pool the texts that the bank was made from"
        )
