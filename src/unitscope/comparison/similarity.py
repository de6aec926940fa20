"""Similarity of two representations as a whole, ignoring the order of their units.

From joint sums (``Joint``) in closed form: linear centred kernel alignment (Kornblith et al. 2019) and its unbiased
form (Nguyen et al. 2021, with Song et al.'s estimator), singular vector canonical correlation (Raghu et al. 2017) and
its projection-weighted form (Morcos et al. 2018).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.comparison.joint import Joint

KEPT = 0.99
"""Share of the variance that SVCCA keeps of each network (Raghu et al.)."""
ROUNDING = 1e-10
"""Directions with less variance than this part of the largest are rounding."""


@dataclass(frozen=True)
class Similarity:
    """Similarities of two representations. All are 1 for the same one in another basis; NaN for a constant network."""

    cka: float
    debiased_cka: float
    """Without the bias by which few tokens and many units look alike; about 0 for unrelated ones."""
    svcca: float
    pwcca: float
    """Weighted by what the first network's units have in each direction."""
    pwcca_back: float
    """The same by the second network's."""
    directions: tuple[int, int]
    """That SVCCA kept of each."""


@dataclass(frozen=True)
class Canonical:
    """Canonical correlations, and the directions of the first network that have them."""

    rho: Float[Tensor, " direction"]
    loadings: Float[Tensor, "unit direction"]
    """Covariance of each unit of the first network with each (standardised) direction."""
    directions: tuple[int, int]


def similarity(joint: Joint, a: int = 0, b: int = 1) -> Similarity:
    """All measures of two networks of a joint."""
    svd = canonical(joint, a, b, KEPT)
    whole = canonical(joint, a, b)
    return Similarity(
        cka=cka(joint, a, b),
        debiased_cka=debiased_cka(joint, a, b),
        svcca=_mean(svd.rho),
        pwcca=projection_weighted(whole),
        pwcca_back=projection_weighted(canonical(joint, b, a)),
        directions=svd.directions,
    )


def cka(joint: Joint, a: int = 0, b: int = 1) -> float:
    """Linear CKA: |Cov(x, y)|² / (|Cov(x, x)| |Cov(y, y)|), in Frobenius norms."""
    norms = [joint.covariance(i, j).square().sum() for i, j in ((a, b), (a, a), (b, b))]
    return float(norms[0] / (norms[1] * norms[2]).sqrt()) if float(norms[1] * norms[2]) > 0 else math.nan


def debiased_cka(joint: Joint, a: int = 0, b: int = 1) -> float:
    """CKA with the unbiased estimate of each of its three parts; can be a little below 0 or above 1."""
    own = joint.unbiased_hsic(a, a) * joint.unbiased_hsic(b, b)
    return joint.unbiased_hsic(a, b) / math.sqrt(own) if own > 0 else math.nan


def svcca(joint: Joint, a: int = 0, b: int = 1) -> float:
    """Mean canonical correlation of the directions that hold 99 % of each network's variance."""
    return _mean(canonical(joint, a, b, KEPT).rho)


def canonical(joint: Joint, a: int = 0, b: int = 1, kept: float = 1.0) -> Canonical:
    """Canonical correlations of the directions that hold a share ``kept`` of each network's variance."""
    white_a, white_b = (_whitening(joint.covariance(k, k), kept) for k in (a, b))
    inner = white_a.T @ joint.covariance(a, b) @ white_b  # [direction of a, direction of b]
    left, rho, _ = torch.linalg.svd(inner, full_matrices=False)
    loadings = joint.covariance(a, a) @ white_a @ left
    return Canonical(rho.clamp(0, 1), loadings, (white_a.shape[1], white_b.shape[1]))


def projection_weighted(found: Canonical) -> float:
    """PWCCA: each correlation counts by how much the first network's units project on its direction."""
    weight = found.loadings.abs().sum(0)
    total = float(weight.sum())
    return float((weight * found.rho).sum()) / total if total > 0 else math.nan


def _mean(rho: Float[Tensor, " direction"]) -> float:
    return float(rho.mean()) if len(rho) else math.nan


def _whitening(covariance: Float[Tensor, "unit unit"], kept: float) -> Float[Tensor, "unit direction"]:
    """Principal directions of variance 1 that hold a share of the variance."""
    values, vectors = torch.linalg.eigh(covariance)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    real = values > ROUNDING * values[0]
    before = (values.cumsum(0) - values) / values.sum().clamp(min=1e-300)
    # A hair of tolerance, so that all of the variance is all directions.
    used = real & (before < kept - 1e-12) if kept < 1 else real
    directions: Tensor = vectors[:, used] / values[used].sqrt()
    return directions
