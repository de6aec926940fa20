"""Accuracy against complexity: a probe's accuracy counts for more the simpler the probe is (Pimentel et al. 2020).

Complexity is the nuclear norm of a linear probe's weights (the sum of their singular values), or their rank. A path is
one fit per penalty or rank, all sites, targets and levels side by side; the front is what no simpler probe beats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.linear import Linear
from unitscope.probing.nonlinear import Hidden, Nonlinear, fit_nonlinear
from unitscope.probing.softmax import Inputs, Problems
from unitscope.views import Lines, Series

PENALTIES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Of the nuclear norm, from weak to strong."""
RANKS = (1, 2, 4, 8, 16, 32)


def fit_nuclear(
    inputs: Inputs,
    targets: Int[Tensor, "target word"],
    classes: int,
    penalties: Sequence[float] = PENALTIES,
    tolerance: float = 1e-4,
    steps: int = 300,
) -> Linear:
    """Multinomial logistic regression with ``penalty·‖W‖_*`` added to the mean cross-entropy (nats).

    The weights of standardised units are penalised, intercepts are not. One fit of all sites, targets and penalties
    by accelerated proximal gradient (Beck & Teboulle 2009, restarted as by O'Donoghue & Candès 2015), each going the
    way it would alone; ``penalty[p]`` of the result counts these penalties. A probe has converged when a step changes
    no weight by more than ``tolerance``. Raises ``InputError`` as ``fit_linear`` does.
    """
    if classes < 2:
        raise InputError("a probe needs at least two classes; this target has only one")
    if not penalties or min(penalties) < 0:
        raise InputError(f"penalties are 0 or more, not {list(penalties)}")
    grid = torch.meshgrid(
        torch.arange(len(inputs)), torch.arange(len(targets)), torch.arange(len(penalties)), indexing="ij"
    )
    site, target, level = (index.flatten() for index in grid)
    made = Problems(inputs, targets, classes, site, target)
    # The Hessian of a softmax is at most half the identity, so half the largest eigenvalue bounds the curvature.
    curvature = torch.stack([0.5 * _largest(x, made.mean[i], made.inverse[i]) for i, x in enumerate(inputs)])[site]
    alpha = curvature.new_tensor([penalties[i] for i in level.tolist()])
    now = made.start()
    ahead, momentum = now.clone(), torch.ones_like(alpha)
    converged = torch.zeros(len(site), dtype=torch.bool)
    evaluations = 0
    while evaluations < steps and not bool(converged.all()):
        live = torch.nonzero(~converged).squeeze(1)
        gradient = made.loss(ahead[live], live)[1]
        evaluations += 1
        after = ahead[live] - gradient / curvature[live, None, None]
        after[:, :, :-1] = shrunk(after[:, :, :-1], alpha[live] / curvature[live])
        change = after - now[live]
        converged[live] = change.abs().amax((1, 2)) <= tolerance
        # Momentum that points uphill is dropped.
        uphill = ((ahead[live] - after) * change).sum((1, 2)) > 0
        grown = torch.where(uphill, 1.0, (1 + (1 + 4 * momentum[live].square()).sqrt()) / 2)
        share = torch.where(uphill, 0.0, (momentum[live] - 1) / grown)
        ahead[live] = after + share[:, None, None] * change
        now[live], momentum[live] = after, grown
    raw = [made.raw(now[p : p + 1], int(site[p])) for p in range(len(site))]
    return Linear(
        weight=torch.cat([weight for weight, _ in raw]),
        intercept=torch.cat([intercept for _, intercept in raw]),
        standardised=now[:, :, :-1] * (made.inverse[site] > 0)[:, None],
        site=site,
        target=target,
        penalty=level,
        converged=converged,
        evaluations=evaluations,
    )


def shrunk(
    weight: Float[Tensor, "problem class unit"], by: Float[Tensor, " problem"]
) -> Float[Tensor, "problem class unit"]:
    """Every singular value lowered by ``by``, to no less than 0."""
    # Through the small side: W = U s Vᵀ, and W Wᵀ = U s² Uᵀ.
    squares, left = torch.linalg.eigh((weight @ weight.transpose(1, 2)).double())
    size = squares.clamp(min=0).sqrt()
    factor = torch.where(size > 0, (1 - by[:, None].double() / size.clamp(min=1e-300)).clamp(min=0), 0.0)
    scaled: Tensor = left * factor[:, None]
    out: Tensor = scaled.to(weight.dtype) @ (left.transpose(1, 2).to(weight.dtype) @ weight)
    return out


def nuclear_norms(fit: Linear) -> Float[Tensor, " problem"]:
    """Sums of the singular values of the weights of standardised units."""
    norms: Tensor = torch.linalg.svdvals(fit.standardised.double()).sum(1)
    return norms


def fit_ranks(
    inputs: Inputs,
    targets: Int[Tensor, "target word"],
    classes: int,
    development: tuple[Sequence[Float[Tensor, "held unit"]], Int[Tensor, "target held"]],
    ranks: Sequence[int] = RANKS,
    how: Hidden = Hidden(),
) -> list[Nonlinear]:
    """Linear probes of each rank; all sites and targets of a rank are one fit."""
    return [
        fit_nonlinear(
            inputs,
            targets,
            classes,
            development,
            Hidden(how.epochs, how.batch, how.rate, how.patience, width=rank, relu=False, decay=how.decay),
        )
        for rank in ranks
    ]


@dataclass(frozen=True)
class Point:
    """One probe."""

    complexity: float
    accuracy: float


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no point of less or equal complexity matches, from simple to complex."""
    found: list[Point] = []
    for point in sorted(points, key=lambda p: (p.complexity, -p.accuracy)):
        if not found or point.accuracy > found[-1].accuracy:
            found.append(point)
    return found


def front_view(title: str, fronts: dict[str, Sequence[Point]], measure: str, note: str = "") -> Lines:
    """One line per name (a site, a label): the best accuracy of any probe as simple as that."""
    x = sorted({point.complexity for points in fronts.values() for point in points})
    series = []
    for name, points in fronts.items():
        best = [max((p.accuracy for p in points if p.complexity <= at), default=float("nan")) for at in x]
        series.append(Series(name, best))
    return Lines(title, x, series, measure, "accuracy", note)


def _largest(x: Float[Tensor, "word unit"], mean: Float[Tensor, " unit"], inverse: Float[Tensor, " unit"]) -> Tensor:
    """Largest eigenvalue of the mean of zzᵀ, z being standardised units and a 1."""
    vector = torch.ones(x.shape[1], dtype=x.dtype)
    value = torch.ones((), dtype=x.dtype)
    for _ in range(30):
        along = x @ (vector * inverse) - mean @ (vector * inverse)
        vector = (along @ x - along.sum() * mean) * inverse / len(x)
        value = vector.norm()
        vector = vector / value.clamp(min=1e-30)
    # The power method comes from below; the intercept's own eigenvalue is 1.
    return (1.05 * value).clamp(min=1.0)
