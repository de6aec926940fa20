"""The map of models: how differently two networks predict, and the plane in which like stands near like.

Karpathy, Johnson & Fei-Fei 2015, by t-SNE. Two distances: how often the likeliest character differs, and the
symmetric Kullback-Leibler divergence of the whole predictions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unitscope.errors import InputError
from unitscope.evidence.permutation import of_draws
from unitscope.networks.char import CharNet
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut
from unitscope.views import Group, Heatmap, Scatter, View

SAMPLED = 10_000
"""Characters, evenly spread, on which whole predictions are compared."""


@dataclass(frozen=True, eq=False)
class Distances:
    """Between all pairs of models."""

    names: Sequence[str]
    disagreement: Float[np.ndarray, "model model"]
    """Share of the held-out characters on which the likeliest character differs."""
    divergence: Float[np.ndarray, "model model"]
    """Mean of both directions' Kullback-Leibler divergence, in nats per character."""

    def views(self, kinds: Mapping[str, str]) -> list[View]:
        """Both as matrices, and the maps; ``kinds`` is the colour of each model."""
        shown: list[View] = []
        for title, table in (
            ("Share of characters with another likeliest next", self.disagreement),
            ("Symmetric KL divergence, nats per character", self.divergence),
        ):
            high = float(table.max())
            shown.append(Heatmap(title, self.names, self.names, table.tolist(), 0.0, high))
            if len(self.names) > 3:
                shown.append(self._map(f"Map: {title[0].lower()}{title[1:]}", table, kinds))
        return shown

    def _map(self, title: str, table: Float[np.ndarray, "model model"], kinds: Mapping[str, str]) -> Scatter:
        try:
            places, how = tsne(table), "t-SNE"
        except InputError as error:
            places, how = scaled(table), f"classical scaling; {error}"
        groups = []
        for kind in dict.fromkeys(kinds.values()):
            chosen = [i for i, name in enumerate(self.names) if kinds[name] == kind]
            x, y = places[chosen].T.tolist()
            groups.append(Group(kind, x, y, [self.names[i] for i in chosen]))
        return Scatter(title, groups, "", "", note=f"by {how}; only nearness means anything")


def distances(held_out: HeldOut, nets: Mapping[str, CharNet]) -> Distances:
    """Compare the predictions of networks on the same text. Memory: a byte per character and network."""
    count = len(nets)
    steps = 100
    every = max(1, held_out.targets.size // SAMPLED)
    same, characters = np.zeros((count, count)), 0
    crossed, compared = np.zeros((count, count)), 0  # sums of p_i log p_j
    for blocks in zip(*(held_out.distributions(net, steps) for net in nets.values()), strict=True):
        flat = [block.reshape(-1, block.shape[2]) for block in blocks]  # [character symbol] each
        best = np.stack([block.argmax(1) for block in flat])  # [model character]
        same += _agreeing(best)
        characters += best.shape[1]
        some = np.stack([block[::every] for block in flat]).astype(np.float64)  # [model character symbol]
        wide = some.reshape(count, -1)
        crossed += np.exp(wide) @ wide.T
        compared += some.shape[1]
    own = crossed.diagonal()
    kl = (own[:, None] - crossed) / compared
    return Distances(list(nets), 1 - same / characters, np.maximum(kl + kl.T, 0) / 2)


def _agreeing(best: Int[np.ndarray, "model character"]) -> Float[np.ndarray, "model model"]:
    return np.stack([(best == row).sum(1) for row in best]).astype(np.float64)


def tsne(table: Float[np.ndarray, "model model"], seed: int = 0) -> Float[np.ndarray, "model 2"]:
    """Places in the plane by t-SNE. Raises ``InputError`` if scikit-learn is not there."""
    try:
        from sklearn.manifold import TSNE  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError("t-SNE comes with scikit-learn: pip install scikit-learn") from error
    perplexity = min(5.0, (len(table) - 1) / 3)
    made = TSNE(2, perplexity=perplexity, metric="precomputed", init="random", learning_rate=10.0, random_state=seed)
    places: Float[np.ndarray, "model 2"] = made.fit_transform(table).astype(np.float64)
    return places


def scaled(table: Float[np.ndarray, "model model"]) -> Float[np.ndarray, "model 2"]:
    """Places in the plane by classical multidimensional scaling (Torgerson 1952)."""
    centre = np.eye(len(table)) - 1 / len(table)
    values, vectors = np.linalg.eigh(-centre @ table**2 @ centre / 2)
    places: Float[np.ndarray, "model 2"] = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0))
    return places


@dataclass(frozen=True)
class Apart:
    """Whether one kind of model lies apart from the others."""

    across: float
    """Mean distance from a model of the kind to one of the others."""
    within: float
    """Mean distance among the others."""
    p: float
    """Share of exchanges of the kinds, within those that were tried, that set as many models as far apart."""


def apart(table: Float[np.ndarray, "model model"], member: Sequence[bool], draws: int = 2000, seed: int = 0) -> Apart:
    """Compare the distances across with those among the others, against exchanged kinds."""
    own = np.array(member)

    def gap(chosen: np.ndarray) -> tuple[float, float]:
        others = table[np.ix_(~chosen, ~chosen)]
        pairs = others[np.triu_indices(len(others), 1)]
        return float(table[np.ix_(chosen, ~chosen)].mean()), float(pairs.mean())

    if own.sum() < 1 or (~own).sum() < 2:
        raise ValueError("a kind can only be apart from at least two others")
    across, within = gap(own)
    random = np.random.default_rng(seed)
    exchanged = np.array([np.subtract(*gap(random.permutation(own))) for _ in range(draws)])
    return Apart(across, within, of_draws(across - within, exchanged))
