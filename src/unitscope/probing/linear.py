"""Linear probes: multinomial logistic regression with an elastic net, every site, target and penalty in one fit.

The problem is convex, so a fit has one outcome whatever the seed; seeds belong to control labels and to the division of
the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.probing.lbfgs import minimise
from unitscope.probing.softmax import BLOCK, Inputs, Problems

TOLERANCE = 3e-4
"""Largest component of the gradient at which a probe counts as fitted, or less where the penalty is weak: a loss is
flatter there, and its minimum farther away. Its accuracy is then that of the minimum (benchmarks/peers/probes.py)."""
LEAST = 3e-5
WEAK = 0.3
"""The gradient is at most this share of the penalty."""
EVALUATIONS = 300


@dataclass(frozen=True)
class Penalty:
    """Added to the mean cross-entropy (nats): ``l1·Σ|w| + l2/2·Σw²`` over the weights of standardised units."""

    l1: float = 0.0
    l2: float = 1e-4

    def __post_init__(self) -> None:
        if self.l1 < 0 or self.l2 < 0:
            raise InputError(f"penalties are 0 or more, not l1 = {self.l1} and l2 = {self.l2}")


RIDGES = (Penalty(l2=1e-4), Penalty(l2=1e-3), Penalty(l2=1e-2), Penalty(l2=1e-1))
"""A path of squared penalties, from weak to strong."""
ELASTIC_NET = (Penalty(1e-4, 1e-4), Penalty(3e-4, 1e-4), Penalty(1e-3, 1e-4), Penalty(3e-3, 1e-4))


@dataclass(frozen=True)
class Linear:
    """Fitted probes; weights are for units as they are. Problem p is of ``site[p]``, ``target[p]``, ``penalty[p]``."""

    weight: Float[Tensor, "problem class unit"]
    intercept: Float[Tensor, "problem class"]
    standardised: Float[Tensor, "problem class unit"]
    """Weights of units divided by their standard deviation: these can be compared between units."""
    site: Int[Tensor, " problem"]
    target: Int[Tensor, " problem"]
    penalty: Int[Tensor, " problem"]
    converged: Bool[Tensor, " problem"]
    evaluations: int

    def log_probs(self, problem: int, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word class"]:
        """Logarithms (nats) of each class's probability."""
        parts = [part @ self.weight[problem].T + self.intercept[problem] for part in x.split(BLOCK)]
        return torch.log_softmax(torch.cat(parts), 1)

    def losses(self, inputs: Inputs, targets: Int[Tensor, "target word"]) -> Float[Tensor, " problem"]:
        """Mean cross-entropy (nats per word) of every problem on other words of the same sites and targets."""
        found = []
        for p in range(len(self.site)):
            y = targets[self.target[p]]
            log_p = self.log_probs(p, inputs[int(self.site[p])])
            found.append(-log_p.gather(1, y.clamp(min=0)[:, None])[y >= 0].mean())
        return torch.stack(found)

    def best(self, inputs: Inputs, targets: Int[Tensor, "target word"]) -> Int[Tensor, "site target"]:
        """For each site and target the problem whose penalty serves these (development) words best."""
        losses = self.losses(inputs, targets)
        shape = (int(self.site.max()) + 1, int(self.target.max()) + 1, -1)
        return torch.arange(len(losses)).view(shape).gather(2, losses.view(shape).argmin(2, keepdim=True)).squeeze(2)


def fit_linear(
    inputs: Inputs,
    targets: Int[Tensor, "target word"],
    classes: int,
    penalties: Sequence[Penalty] = (Penalty(),),
    tolerance: float = TOLERANCE,
    evaluations: int = EVALUATIONS,
) -> Linear:
    """Fit a probe for every site of ``inputs``, every target and every penalty.

    A class is a number below ``classes``, −1 where a target is undefined. Each probe is the one that a fit of it alone
    would give. Raises ``InputError`` for activations that are not finite and for targets that cannot be fitted.
    """
    if classes < 2:
        raise InputError("a probe needs at least two classes; this target has only one")
    sites, kinds, levels = len(inputs), len(targets), len(penalties)
    site, target, level = (
        index.flatten()
        for index in torch.meshgrid(torch.arange(sites), torch.arange(kinds), torch.arange(levels), indexing="ij")
    )
    problems = Problems(inputs, targets, classes, site, target)
    like = problems.start()
    ridge = like.new_tensor([penalties[i].l2 for i in level.tolist()])
    lasso = like.new_tensor([penalties[i].l1 for i in level.tolist()])

    def loss(
        parameters: Float[Tensor, "live parameter"], live: Int[Tensor, " live"]
    ) -> tuple[Float[Tensor, " live"], Float[Tensor, "live parameter"]]:
        whole = parameters.unflatten(1, like.shape[1:])
        value, gradient = problems.loss(whole, live)
        weight = whole.clone()
        weight[:, :, -1] = 0  # intercepts are free
        value = value + 0.5 * ridge[live] * weight.square().sum((1, 2))
        return value, (gradient + ridge[live, None, None] * weight).flatten(1)

    sparse = None
    if bool((lasso > 0).any()):
        whole = lasso[:, None, None].expand_as(like).clone()
        whole[:, :, -1] = 0
        sparse = whole.flatten(1)
    guess = problems.curvature(ridge, lasso == 0)
    fitted = (WEAK * (ridge + lasso)).clamp(min=LEAST).clamp(max=tolerance)
    found = minimise(loss, like.flatten(1), fitted, evaluations, sparse, guess)
    parameters = found.parameters.view_as(like)
    raw = [problems.raw(parameters[p : p + 1], int(site[p])) for p in range(len(site))]
    return Linear(
        weight=torch.cat([weight for weight, _ in raw]),
        intercept=torch.cat([intercept for _, intercept in raw]),
        standardised=parameters[:, :, :-1] * (problems.inverse[site] > 0)[:, None],
        site=site,
        target=target,
        penalty=level,
        converged=found.converged,
        evaluations=found.evaluations,
    )
