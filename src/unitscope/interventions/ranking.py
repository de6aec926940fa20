"""How well a score of each unit says what ablating the unit costs.

Spearman's rank correlation, with its sign: that slow or strong units matter is a question here, not an
assumption. Several trained networks are pooled by their mean correlation, since a single one of 32 units gives a
random score a correlation of ±0.18.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from unitscope.errors import InputError
from unitscope.view import Field, Table

Scores = Mapping[str, Float[np.ndarray, " unit"]]


@dataclass(frozen=True)
class Ranked:
    """One score against the damage."""

    score: str
    rho: float
    """Mean over networks; NaN where a score is the same for all units."""
    low: float
    high: float
    """95 % bootstrap interval: networks are drawn again, and units within them."""
    p: float
    """How often permuted scores correlate as strongly, in either direction."""
    units: int
    """With a score, in all networks."""


@dataclass(frozen=True)
class Ranking:
    """All scores, and whether there was anything to rank."""

    rows: list[Ranked]
    skilled: bool

    @property
    def warning(self) -> str:
        """Empty where the model has skill."""
        return "" if self.skilled else "the model is no better than its baseline, so these ranks are noise"

    def __getitem__(self, score: str) -> Ranked:
        return next(row for row in self.rows if row.score == score)

    def view(self) -> Table:
        fields = [
            Field("score", "text"),
            Field("rho"),
            Field("low"),
            Field("high"),
            Field("p"),
            Field("units", "integer"),
        ]
        rows = [[row.score, row.rho, row.low, row.high, row.p, row.units] for row in self.rows]
        return Table("Scores against the damage of ablation", fields, rows, note=self.warning)


def with_baselines(
    metrics: Scores,
    readout: Float[np.ndarray, " unit"],
    std: Float[np.ndarray, " unit"],
    gradient: Float[np.ndarray, " unit"],
    seed: int = 0,
) -> dict[str, Float[np.ndarray, " unit"]]:
    """Each metric alone and times the norm of what the readout gives a unit, and the scores that need no response.

    ``std`` is each unit's deviation over data, ``gradient`` its gradient × activation.
    """
    weighted = {f"{name} × readout": values * readout for name, values in metrics.items()}
    return {
        **metrics,
        **weighted,
        "std": std,
        "std × readout": std * readout,
        "gradient × activation": np.abs(gradient),
        "random": np.random.default_rng(seed).permutation(len(std)).astype(float),
    }


def rank(
    networks: Sequence[tuple[Scores, Float[np.ndarray, " unit"]]],
    skilled: bool = True,
    draws: int = 1000,
    seed: int = 0,
) -> Ranking:
    """Every score against the damage, over networks that were trained alike: ``(scores, damage)`` for each.

    Units without a score (NaN) are left out for that score. Raises ``InputError`` for no networks, or networks with
    different scores.
    """
    if not networks or any(scores.keys() != networks[0][0].keys() for scores, _ in networks):
        raise InputError("a ranking needs at least one network, and the same scores for each")
    generator = np.random.default_rng(seed)
    rows = []
    for name in networks[0][0]:
        pairs = []
        for scores, damage in networks:
            known = np.isfinite(scores[name]) & np.isfinite(damage)
            pairs.append((scores[name][known], damage[known]))
        rows.append(_rank(name, pairs, draws, generator))
    return Ranking(rows, skilled)


def _rank(
    name: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], draws: int, generator: np.random.Generator
) -> Ranked:
    units = sum(len(score) for score, _ in pairs)
    rho = _mean_rho(pairs)
    if np.isnan(rho):
        return Ranked(name, rho, rho, rho, rho, units)
    permuted = [_mean_rho([(generator.permutation(score), damage) for score, damage in pairs]) for _ in range(draws)]
    again = []
    for _ in range(draws):
        chosen = [pairs[place] for place in generator.integers(len(pairs), size=len(pairs))]
        drawn = [generator.integers(len(score), size=len(score)) for score, _ in chosen]
        again.append(_mean_rho([(s[i], d[i]) for (s, d), i in zip(chosen, drawn, strict=True)]))
    low, high = np.nanquantile(again, [0.025, 0.975])
    p = (1 + sum(abs(other) >= abs(rho) - 1e-12 for other in permuted)) / (1 + draws)
    return Ranked(name, rho, float(low), float(high), p, units)


def _mean_rho(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The mean over the networks in which both vary; NaN if there is none."""
    found = []
    for score, damage in pairs:
        if len(score) < 3 or np.ptp(score) == 0 or np.ptp(damage) == 0:
            continue
        a, b = (values - values.mean() for values in (stats.rankdata(score), stats.rankdata(damage)))
        found.append(float(a @ b / np.sqrt((a @ a) * (b @ b))))
    return float(np.mean(found)) if found else float("nan")
