"""Concepts with their neighbours: NEIGHBORS(c) of Mu & Andreas 2020 is c, or a concept that is most like it."""

import numpy as np
from jaxtyping import Float

from unitscope.banks.bank import Bank
from unitscope.banks.clusters import context_vectors

COUNT = 5
KIND = "neighbours"


def neighbours(bank: Bank, vectors: Float[np.ndarray, "concept dimension"] | None = None, count: int = COUNT) -> Bank:
    """A bank of NEIGHBORS(c) for every concept c, which stands where c or one of the ``count`` nearest by cosine does.

    ``vectors`` embed the concepts: ``clusters.context_vectors`` of the bank itself if none are given. Ask it beside the
    bank, and formulas are made of both.
    """
    vectors = context_vectors(bank) if vectors is None else vectors
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norms > 0, norms, 1.0)
    near = np.argsort(-(unit @ unit.T), axis=1, kind="stable")[:, : count + 1]
    order = np.argsort(bank.places[:, 0], kind="stable")
    first = np.searchsorted(bank.places[order, 0], np.arange(len(bank) + 1))
    parts = []
    for concept, members in enumerate(near):
        rows = np.concatenate([order[first[m] : first[m + 1]] for m in np.union1d(members, [concept])])
        parts.append(np.column_stack([np.full(len(rows), concept), bank.places[rows, 1:]]))
    places = np.unique(np.concatenate(parts)[:, [1, 2, 3, 0]], axis=0)[:, [3, 0, 1, 2]]  # ordered by sentence
    table = bank.table.assign(text=[f"NEIGHBORS({text})" for text in bank.texts], kind=KIND, label="")
    return Bank(table, bank.places, bank.sentence_count).placed(places, bank.sentence_count)
