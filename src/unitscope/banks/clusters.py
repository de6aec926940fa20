"""Concepts that mean alike: where they stand in a corpus as vectors, hierarchical clusters of them, and whether the
concepts of one unit are of a kind.

Na, Choe, Lee & Kim 2019 take word vectors trained elsewhere. Here a concept's vector is that of the texts that hold it,
after latent semantic analysis (Deerwester et al. 1990), so that nothing but the corpus is needed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse
from scipy.cluster import hierarchy
from scipy.sparse import linalg

from unitscope.banks.alignment import Alignment
from unitscope.banks.bank import Bank

DIMENSIONS = 50
RANK = 1e-4
"""Dimensions that weigh less, as a share of the first, are none."""


def context_vectors(bank: Bank, dimensions: int = DIMENSIONS, seed: int = 0) -> Float[np.ndarray, "concept dimension"]:
    """A vector of length 1 for each concept, from the words around it; 0 for one without any.

    A word weighs by the logarithm of the inverse of the share of texts that hold it. A concept's vector has the
    direction of the sum of its texts; a word does not count itself, a phrase counts the words that it is made of.
    """
    kinds = bank.table["words"].to_numpy()
    words = np.flatnonzero((kinds == 1) & (bank.table["sentences"].to_numpy() >= 2))
    inclusion = sparse.csr_array(bank.inclusion)
    holding = np.asarray(inclusion[:, words].sum(axis=0)).ravel()
    weight = np.log(bank.sentence_count / np.maximum(holding, 1))
    texts = sparse.csr_array(inclusion[:, words].multiply(weight))
    k = min(dimensions, min(texts.shape) - 1)
    if k < 1:
        return np.zeros((len(bank), 1))
    start = np.random.default_rng(seed).standard_normal(min(texts.shape))
    _, scale, axes = linalg.svds(texts, k=k, v0=start, rng=seed)
    kept = scale > RANK * scale.max()  # what the texts do not span is rounding
    scale, axes = scale[kept], axes[kept]
    # Summed over the texts of each concept; a word is no evidence of what stands around it.
    vectors = sparse.csr_array(inclusion.T) @ (texts @ axes.T)
    vectors[words] -= (holding * weight)[:, None] * axes.T
    vectors /= scale
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: np.ndarray = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return found


@dataclass(frozen=True, eq=False)
class Clusters:
    """Hierarchical clusters of concepts by the cosine of their vectors, average linkage."""

    concepts: Int[np.ndarray, " member"]
    cluster: Int[np.ndarray, " member"]
    """Number of the cluster of each concept, the largest cluster first."""
    tree: Float[np.ndarray, "merge 4"]
    """As ``scipy.cluster.hierarchy.linkage`` gives it."""


def cluster(
    vectors: Float[np.ndarray, "concept dimension"], concepts: Int[np.ndarray, " member"], distance: float = 0.7
) -> Clusters:
    """Cut the tree of some concepts where clusters are further apart than ``distance`` (1 − cosine).

    Concepts without a vector are left out.
    """
    concepts = np.unique(concepts)
    concepts = concepts[np.linalg.norm(vectors[concepts], axis=1) > 0]
    if len(concepts) < 2:
        return Clusters(concepts, np.zeros(len(concepts), np.int64), np.zeros((0, 4)))
    tree = hierarchy.linkage(vectors[concepts], "average", metric="cosine")
    found = hierarchy.fcluster(np.maximum(tree, 0), distance, "distance")
    order = np.argsort(-np.bincount(found)[1:], kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return Clusters(concepts, rank[found - 1], tree)


def coherence(vectors: Float[np.ndarray, "concept dimension"], alignment: Alignment) -> Float[np.ndarray, " unit"]:
    """Mean cosine between the concepts of each unit; NaN for a unit with fewer than two that have a vector."""
    found = np.full(len(alignment.concepts), np.nan)
    for unit, concepts in enumerate(alignment.concepts):
        chosen = vectors[concepts[concepts >= 0]]
        chosen = chosen[np.linalg.norm(chosen, axis=1) > 0]
        if len(chosen) > 1:
            cosine = chosen @ chosen.T
            found[unit] = cosine[np.triu_indices(len(chosen), 1)].mean()
    return found
