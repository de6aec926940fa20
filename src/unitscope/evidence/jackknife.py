"""The error of any number that is read from sums over pieces of evidence: leave each piece out once.

    error² = (G − 1)/G · Σ_g (θ₍g₎ − θ)²            (Miller 1974; Efron & Stein 1981)

On a scale where the number is nearly normal: Fisher's z for what lies in −1 … 1, the logit for what lies in 0 … 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy import special, stats

Scale = Literal["plain", "z", "logit"]
LEAST = 3
"""Pieces at least."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Numbers with their 95 % intervals; NaN intervals where fewer than ``LEAST`` pieces say something."""

    value: Float[np.ndarray, "..."]
    error: Float[np.ndarray, "..."]
    """On the scale of the jackknife."""
    low: Float[np.ndarray, "..."]
    high: Float[np.ndarray, "..."]
    freedom: Float[np.ndarray, "..."]
    t: Float[np.ndarray, "..."]
    """Distance from the value that was given as that of no skill, in errors."""

    @property
    def p(self) -> Float[np.ndarray, "..."]:
        """Two-sided, of no skill."""
        return np.asarray(2 * stats.t.sf(np.abs(self.t), self.freedom))

    @property
    def above(self) -> Float[np.ndarray, "..."]:
        """One-sided p of "not above what no skill gives"."""
        return np.asarray(stats.t.sf(self.t, self.freedom))


def jackknife(
    statistic: Callable[..., Any],
    parts: Sequence[Float[np.ndarray, "piece ..."]],
    weight: Float[np.ndarray, "piece ..."],
    scale: Scale = "plain",
    chance: float = 0.0,
    least: int = LEAST,
) -> Estimate:
    """``statistic`` of the totals of ``parts``, and its spread when pieces are left out.

    ``weight`` is what each piece has of what counts, such as tokens where the label is defined: a piece with none says
    nothing, and unequal ones have fewer degrees of freedom, (Σw)²/Σw² − 1. ``chance`` is the value without skill,
    ``least`` the pieces below which there is no interval.
    """
    totals = [part.sum(0) for part in parts]
    with np.errstate(all="ignore"):
        value = np.asarray(statistic(*totals), dtype=np.float64)
        centre = to_scale(value, scale)
        here: Bool[np.ndarray, "piece ..."] = weight > 0
        squares = np.zeros_like(value)
        for g in range(len(weight)):
            left = statistic(*(total - part[g] for total, part in zip(totals, parts, strict=True)))
            squares = squares + np.where(here[g], (to_scale(np.asarray(left), scale) - centre) ** 2, 0.0)
        pieces = here.sum(0)
        error = np.sqrt(squares * (pieces - 1) / np.maximum(pieces, 1))
        freedom = np.maximum(weight.sum(0) ** 2 / (weight**2).sum(0) - 1, 1.0)
        known = (pieces >= least) & np.isfinite(error) & (error > 0)
        error = np.where(known, error, np.nan)
        width = stats.t.ppf(0.975, freedom) * error
        low, high = (from_scale(np.asarray(centre + side), scale) for side in (-width, width))
        t = (centre - to_scale(np.asarray(chance), scale)) / error
    return Estimate(value, *(np.asarray(a) for a in (error, low, high, np.broadcast_to(freedom, value.shape), t)))


def to_scale(value: Float[np.ndarray, "..."], scale: Scale) -> Float[np.ndarray, "..."]:
    """From −1 … 1 or 0 … 1 to the whole line; the ends stay finite."""
    if scale == "z":
        return np.asarray(np.arctanh(np.clip(value, -1 + 1e-12, 1 - 1e-12)))
    if scale == "logit":
        return np.asarray(special.logit(np.clip(value, 1e-12, 1 - 1e-12)))
    return np.asarray(value)


def from_scale(value: Float[np.ndarray, "..."], scale: Scale) -> Float[np.ndarray, "..."]:
    """Back again."""
    if scale == "z":
        return np.asarray(np.tanh(value))
    return np.asarray(special.expit(value)) if scale == "logit" else np.asarray(value)
