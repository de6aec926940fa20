"""Agreement of a score of each unit with the cost of ablating the unit.

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
from unitscope.evidence.bootstrap import interval
from unitscope.evidence.permutation import of_draws
from unitscope.views import Field, Group, Scatter, Table

Scores = Mapping[str, Float[np.ndarray, " _"]]
"""Of each unit of a network; networks may have different numbers of units."""
Pair = tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]
"""Score and damage of the units of a network that have both."""


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
    networks: Sequence[tuple[Scores, Float[np.ndarray, " _"]]],
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


def against(
    score: str, networks: Sequence[tuple[Scores, Float[np.ndarray, " _"]]], ranked: Ranked, site: str, measure: str
) -> Scatter:
    """Each unit's damage by a score of it, such as its class selectivity; networks have colours of their own."""
    groups = []
    for number, (scores, damage) in enumerate(networks):
        names = [f"{site}/{unit}" for unit in range(len(damage))]
        groups.append(Group(f"network {number}", scores[score].tolist(), damage.tolist(), names))
    note = f"mean Spearman {ranked.rho:+.2f} ({ranked.low:+.2f} to {ranked.high:+.2f}), p = {ranked.p:.3f}"
    return Scatter(f"Damage against {score}", groups, score, f"rise of the {measure}", note)


def _rank(name: str, pairs: Sequence[Pair], draws: int, generator: np.random.Generator) -> Ranked:
    units = sum(len(score) for score, _ in pairs)
    rho = _mean([_rho(score[None], damage[None]) for score, damage in pairs])[0]
    if np.isnan(rho):
        return Ranked(name, rho, rho, rho, rho, units)
    permuted = _mean(
        [
            _rho(generator.permuted(np.tile(score, (draws, 1)), axis=1), np.tile(damage, (draws, 1)))
            for score, damage in pairs
        ]
    )
    low, high = interval(_drawn_again(pairs, draws, generator))
    p = of_draws(abs(float(rho)), np.abs(permuted))
    return Ranked(name, float(rho), float(low), float(high), p, units)


def _drawn_again(pairs: Sequence[Pair], draws: int, generator: np.random.Generator) -> Float[np.ndarray, " draw"]:
    """Mean correlations over networks drawn with replacement, and units drawn within each."""
    chosen = generator.integers(len(pairs), size=(len(pairs), draws))
    found = np.full(chosen.shape, np.nan)
    for number, (score, damage) in enumerate(pairs):
        where = chosen == number
        places = generator.integers(len(score), size=(int(where.sum()), len(score)))
        found[where] = _rho(score[places], damage[places])
    return _mean(list(found))


def _rho(a: Float[np.ndarray, "draw unit"], b: Float[np.ndarray, "draw unit"]) -> Float[np.ndarray, " draw"]:
    """Spearman's correlation of each row; NaN where one of the two does not vary, or there are fewer than three."""
    if a.shape[1] < 3:
        return np.full(len(a), np.nan)
    a, b = (stats.rankdata(values, axis=1) - (values.shape[1] + 1) / 2 for values in (a, b))
    with np.errstate(invalid="ignore"):
        rho: Float[np.ndarray, " draw"] = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return rho


def _mean(rows: Sequence[Float[np.ndarray, " draw"]]) -> Float[np.ndarray, " draw"]:
    """Over the networks in which both vary; NaN if there is none."""
    table = np.stack(rows)
    known = np.isfinite(table)
    with np.errstate(invalid="ignore"):
        mean: Float[np.ndarray, " draw"] = np.where(known, table, 0.0).sum(0) / known.sum(0)
    return mean
