"""Intrinsic probing with Gaussians: the units that together tell most about a label (Torroba Hennigen et al. 2020).

Each class is a Gaussian over all units, fitted once (MAP); a subset of units is a marginal of it, so choosing units
needs no refit. Units are added greedily by mutual information; the conditional Gaussian of every candidate given the
chosen units is kept up to date by one rank-one step per class, instead of a new determinant per candidate.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.measures import BITS

UNITS, WORDS = 32, 512
"""Candidates and words that are scored together, so that their numbers stay in the cache."""
PRIOR_MEAN = 0.01
"""Weight of the prior mean, in words (k₀ of the paper)."""


@dataclass(frozen=True)
class Gaussians:
    """One Gaussian per class over all units."""

    mean: Float[Tensor, "class unit"]
    covariance: Float[Tensor, "class unit unit"]
    log_prior: Float[Tensor, " class"]

    @classmethod
    def fit(cls, x: Float[Tensor, "word unit"], y: Int[Tensor, " word"], classes: int) -> "Gaussians":
        """The MAP estimate under a normal-inverse-Wishart prior around the pooled mean and diagonal covariance.

        Words with class −1 are passed over. Raises ``InputError`` for a class without words.
        """
        x, y = x[y >= 0], y[y >= 0]
        counts = torch.bincount(y, minlength=classes)
        if not bool((counts > 0).all()):
            raise InputError(f"class {int(counts.argmin())} has no training word; leave it out")
        units = x.shape[1]
        pooled = x.mean(0)
        diagonal = torch.diag(x.var(0))
        means, covariances = [], []
        for k in range(classes):
            part = x[y == k]
            n = len(part)
            mean = part.mean(0)
            off = part - mean
            drift = mean - pooled
            scatter = off.T @ off + PRIOR_MEAN * n / (PRIOR_MEAN + n) * torch.outer(drift, drift)
            means.append((PRIOR_MEAN * pooled + n * mean) / (PRIOR_MEAN + n))
            covariances.append((diagonal + scatter) / (2 * units + 4 + n))
        prior = (counts / counts.sum()).log().to(x.dtype)
        return cls(torch.stack(means), torch.stack(covariances), prior)


@dataclass(frozen=True)
class Choice:
    """Units in the order in which they were chosen."""

    units: list[int]
    information: list[float]
    """Bits about the class in the units so far."""
    entropy: float
    """Bits of the class itself: the most that can be known."""

    @property
    def normalised(self) -> list[float]:
        """Information as a share of the entropy."""
        return [bits / self.entropy for bits in self.information]


def choose_units(fit: Gaussians, x: Float[Tensor, "word unit"], y: Int[Tensor, " word"], most: int) -> Choice:
    """Add units one by one, each the one with which the class is best known on these words.

    The paper chooses on development words. Information is the entropy of the class minus its cross-entropy given the
    units, estimated on the words.
    """
    x, y = x[y >= 0], y[y >= 0]
    counts = torch.bincount(y, minlength=len(fit.mean)).double()
    shares = counts[counts > 0] / counts.sum()
    entropy = float(-(shares * shares.log()).sum()) * BITS
    scores = fit.log_prior.expand(len(x), -1).T.clone()  # [class word]: log p(class, chosen units)
    # Of every unit given the chosen ones. Residuals are made anew from the two lists, for a few units and words.
    left = fit.covariance.clone()
    loading: list[Tensor] = []  # for each chosen unit: [class unit]
    known: list[Tensor] = []  # for each chosen unit: its residuals [class word]
    chosen: list[int] = []
    information: list[float] = []
    for _ in range(min(most, x.shape[1])):
        spread = left.diagonal(dim1=1, dim2=2).clamp(min=1e-12)  # [class unit]
        gains = torch.cat(
            [_gain(fit, x, y, scores, spread, loading, known, units) for units in torch.arange(x.shape[1]).split(UNITS)]
        )
        gains[chosen] = -math.inf
        unit = int(gains.argmax())
        residual = _residual(fit, x, loading, known, unit)  # [class word]
        variance = spread[:, unit, None]
        scores = scores - 0.5 * (residual.square() / variance + variance.log())
        column = left[:, :, unit] / spread[:, unit, None]  # [class unit]
        left = left - column[:, :, None] * left[:, None, unit, :]
        loading.append(column)
        known.append(residual)
        chosen.append(unit)
        information.append(entropy + float(gains[unit]) * BITS)
    return Choice(chosen, information, entropy)


def _residual(
    fit: Gaussians,
    x: Float[Tensor, "word unit"],
    loading: list[Tensor],
    known: list[Tensor],
    unit: int,
) -> Float[Tensor, "class word"]:
    """Residual of a unit given the chosen units, under each class."""
    out = x[None, :, unit] - fit.mean[:, unit, None]
    for column, residual in zip(loading, known, strict=True):
        out = out - column[:, unit, None] * residual
    return out


def _gain(
    fit: Gaussians,
    x: Float[Tensor, "word unit"],
    y: Int[Tensor, " word"],
    scores: Float[Tensor, "class word"],
    spread: Float[Tensor, "class unit"],
    loading: list[Tensor],
    known: list[Tensor],
    units: Int[Tensor, " some"],
) -> Float[Tensor, " some"]:
    """Mean log probability (nats) of the words' classes with each of these units added."""
    variance = spread[:, units]
    scale = (0.5 / variance).sqrt()[:, None]  # [class 1 some]
    shift = -fit.mean[:, None, units] * scale
    norm = 0.5 * variance.log()[:, None]
    here = x[:, units]
    slopes = torch.stack([column[:, units] for column in loading], 1) * scale if loading else None
    residuals = torch.stack(known, 2) if known else None  # [class word chosen]
    total = here.new_zeros(len(units))
    for first in range(0, len(x), WORDS):
        rows = slice(first, first + WORDS)
        z = torch.addcmul(shift, here[None, rows], scale)  # [class word some]
        if slopes is not None and residuals is not None:
            z.baddbmm_(residuals[:, rows], slopes, alpha=-1)
        joint = torch.sub(scores[:, rows, None], z.square_().add_(norm), out=z)
        true = joint.gather(0, y[None, rows, None].expand(1, -1, len(units))).squeeze(0)
        total += (true - joint.logsumexp(0)).sum(0)
    return total / len(x)
