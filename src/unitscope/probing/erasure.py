"""Taking a label out of activations: LEACE in closed form, INLP step by step, and the random control of both."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.linear import Penalty, fit_linear


@dataclass(frozen=True)
class Eraser:
    """x ↦ mean + P(x − mean), where P takes away ``rank`` directions."""

    matrix: Float[Tensor, "unit unit"]
    mean: Float[Tensor, " unit"]
    rank: int

    def __call__(self, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word unit"]:
        return ((x.to(self.matrix.dtype) - self.mean) @ self.matrix.T + self.mean).to(x.dtype)


def leace(parts: Iterable[tuple[Float[Tensor, "_ unit"], Int[Tensor, " _"]]], classes: int) -> Eraser:
    """The smallest change after which no linear probe predicts the label (Belrose et al. 2023).

    ``parts`` are activations and classes, some words at a time; words with class −1 are passed over. Computed by the
    package concept-erasure. Raises ``InputError`` if that is not installed, or there are no words.
    """
    try:
        from concept_erasure import LeaceFitter
    except ImportError as error:
        raise InputError("LEACE needs the package concept-erasure: pip install 'unitscope[erasure]'") from error
    fitter = None
    mean_x: Tensor | None = None
    for x, y in parts:
        known = y >= 0
        if fitter is None:
            # Without shrinkage the cross-covariance becomes exactly zero on these words.
            fitter = LeaceFitter(
                x.shape[1], classes, dtype=torch.float64, shrinkage=False, constrain_cov_trace=False, svd_tol=1e-6
            )
        fitter.update(x[known].double(), torch.nn.functional.one_hot(y[known], classes).double())
        mean_x = fitter.mean_x
    if fitter is None or mean_x is None:
        raise InputError("there are no words to erase a label from")
    eraser = fitter.eraser
    taken: Tensor = eraser.proj_left @ eraser.proj_right
    whole = torch.eye(len(mean_x), dtype=torch.float64)
    return Eraser(whole - taken, mean_x.clone(), int(torch.linalg.matrix_rank(taken)))


def inlp(
    x: Float[Tensor, "word unit"],
    y: Int[Tensor, " word"],
    classes: int,
    rounds: int,
    penalty: Penalty = Penalty(l2=1e-3),
) -> Eraser:
    """Iterative null-space projection (Ravfogel et al. 2020): fit a probe, take its directions away, again.

    The result is the projection on what is orthogonal to all probes' weights; it stops before ``rounds`` when a probe
    is no better than the most frequent class. A probe of k classes takes k − 1 directions, since what is added to the
    weights of all classes alike predicts nothing.
    """
    mean = x.mean(0).double()
    known = y >= 0
    majority = float(torch.bincount(y[known]).max() / known.sum())
    basis = torch.zeros(x.shape[1], 0, dtype=torch.float64)
    for _ in range(rounds):
        left = ((x.double() - mean) - (x.double() - mean) @ basis @ basis.T).to(x.dtype)
        fit = fit_linear([left], y[None], classes, [penalty])
        accuracy = float((fit.log_probs(0, left).argmax(1) == y)[known].double().mean())
        if accuracy <= majority:
            break
        weight = fit.weight[0].double()
        weight = weight - weight.mean(0)
        weight = weight - weight @ basis @ basis.T
        u, s, _ = torch.linalg.svd(weight.T, full_matrices=False)
        fresh = u[:, s > 1e-6 * s[0]]
        if basis.shape[1] + fresh.shape[1] >= x.shape[1]:
            break
        basis = torch.linalg.qr(torch.cat([basis, fresh], 1)).Q
    return _without(basis, mean)


def random_directions(x: Float[Tensor, "word unit"], rank: int, seed: int) -> Eraser:
    """As many random directions taken away: what erasing costs whatever is erased."""
    drawn = torch.randn(x.shape[1], rank, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return _without(torch.linalg.qr(drawn).Q, x.mean(0).double())


def _without(basis: Float[Tensor, "unit rank"], mean: Float[Tensor, " unit"]) -> Eraser:
    whole = torch.eye(len(basis), dtype=torch.float64)
    return Eraser(whole - basis @ basis.T, mean, basis.shape[1])
