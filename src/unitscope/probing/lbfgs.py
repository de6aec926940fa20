"""L-BFGS on many separate problems side by side (Nocedal & Wright 2006, algorithm 7.4).

Every evaluation serves all problems that are not finished; each has its own history and its own step length, so a
problem goes the same way alone or in company. A penalty on absolute values makes parameters exactly zero: a step then
stays in one orthant, where the penalty is smooth (OWL-QN, Andrew & Gao 2007).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Loss = Callable[
    [Float[Tensor, "live parameter"], Int[Tensor, " live"]],
    tuple[Float[Tensor, " live"], Float[Tensor, "live parameter"]],
]
"""From parameters and the numbers of their problems to losses and gradients."""
Inverse = Callable[[Float[Tensor, "live parameter"], Int[Tensor, " live"]], Float[Tensor, "live parameter"]]
"""A guess of the inverse Hessian of each problem, times a vector."""

MEMORY = 10
SUFFICIENT = 1e-4
"""Share of the decrease promised by the gradient that a step must bring (Armijo)."""


@dataclass(frozen=True)
class Minimum:
    parameters: Float[Tensor, "problem parameter"]
    loss: Float[Tensor, " problem"]
    converged: Bool[Tensor, " problem"]
    evaluations: int


def minimise(
    loss: Loss,
    start: Float[Tensor, "problem parameter"],
    tolerance: float | Float[Tensor, " problem"],
    most: int,
    l1: Float[Tensor, "problem weight"] | None = None,
    inverse: Inverse | None = None,
) -> Minimum:
    """Go down until no component of a problem's gradient is above its ``tolerance``; ``most`` evaluations at most.

    ``l1`` weighs the absolute values that are added to each loss. ``inverse`` is where the two-loop recursion begins;
    a good guess spares most evaluations where parameters pull on each other.
    """
    x = start.clone()
    fitted = torch.as_tensor(tolerance, dtype=x.dtype, device=x.device).expand(len(x))
    absolute = x.new_zeros(len(x), 1) if l1 is None else l1
    problems = torch.arange(len(x), device=x.device)
    value, gradient = loss(x, problems)
    value = value + (absolute * x.abs()).sum(1)
    steps = x.new_zeros(MEMORY, *x.shape)
    changes = torch.zeros_like(steps)
    taken = torch.zeros_like(problems)
    steepest = -_pseudo(gradient, x, absolute)
    direction = steepest.clone() if inverse is None else inverse(steepest, problems)
    length = 1 / direction.norm(dim=1).clamp(min=1.0)
    steep = steepest.abs().amax(1)
    done = steep <= fitted
    evaluations = 1
    while evaluations < most and not bool(done.all()):
        live = problems[~done]
        there = x[live] + length[live, None] * direction[live]
        if l1 is not None:
            orthant = torch.where(x[live] != 0, x[live].sign(), steepest[live].sign())
            there = torch.where((absolute[live] > 0) & (there.sign() != orthant), 0.0, there)
        new_value, new_gradient = loss(there, live)
        new_value = new_value + (absolute[live] * there.abs()).sum(1)
        evaluations += 1
        promised = -(steepest[live] * (there - x[live])).sum(1)
        good = new_value <= value[live] + SUFFICIENT * promised
        length[live[~good]] *= 0.4
        moved = live[good]
        step, change = there[good] - x[moved], new_gradient[good] - gradient[moved]
        # A pair without curvature (rounding, near the minimum) would spoil the direction.
        curved = (step * change).sum(1) > 1e-10 * change.square().sum(1)
        slot = taken[moved[curved]] % MEMORY
        steps[slot, moved[curved]] = step[curved]
        changes[slot, moved[curved]] = change[curved]
        taken[moved[curved]] += 1
        x[moved], value[moved], gradient[moved] = there[good], new_value[good], new_gradient[good]
        length[moved] = 1.0
        steepest[moved] = -_pseudo(gradient[moved], x[moved], absolute[moved])
        direction[moved] = _newton(steepest[moved], steps, changes, taken[moved], moved, inverse)
        if l1 is not None:
            against = (absolute[moved] > 0) & (direction[moved] * steepest[moved] <= 0)
            direction[moved] = torch.where(against, 0.0, direction[moved])
        steep[moved] = steepest[moved].abs().amax(1)
        # Steps this short change nothing: the precision of the numbers is used up.
        done[live] = (steep[live] <= fitted[live]) | (length[live] < 1e-7)
    return Minimum(x, value, steep <= fitted, evaluations)


def _pseudo(
    gradient: Float[Tensor, "live parameter"],
    x: Float[Tensor, "live parameter"],
    l1: Float[Tensor, "live weight"],
) -> Float[Tensor, "live parameter"]:
    """The gradient with the penalty; at zero the one-sided one that leads down, or none."""
    at_zero = gradient - gradient.clamp(-l1, l1)
    return torch.where((x == 0) & (l1 > 0), at_zero, gradient + l1 * x.sign())


def _newton(
    gradient: Float[Tensor, "moved parameter"],
    steps: Float[Tensor, "slot problem parameter"],
    changes: Float[Tensor, "slot problem parameter"],
    taken: Int[Tensor, " moved"],
    moved: Int[Tensor, " moved"],
    inverse: Inverse | None,
) -> Float[Tensor, "moved parameter"]:
    """The inverse Hessian that the last steps suggest, times the gradient (the two-loop recursion)."""
    q = gradient.clone()
    depth = int(taken.clamp(max=MEMORY).max()) if len(taken) else 0
    kept = []
    scale = torch.ones_like(q[:, 0])
    guess = inverse or (lambda vector, _: vector)
    for back in range(depth):
        slot = (taken - 1 - back) % MEMORY
        s, y = steps[slot, moved], changes[slot, moved]
        here = taken > back
        product = (s * y).sum(1)
        rho = torch.where(here, 1 / torch.where(here, product, 1.0), 0.0)
        alpha = rho * (s * q).sum(1)
        q -= alpha[:, None] * y
        kept.append((s, y, rho, alpha))
        if back == 0:
            squares = (y * guess(y, moved)).sum(1)
            scale = torch.where(here, product / torch.where(here, squares, 1.0), 1.0)
    q = scale[:, None] * guess(q, moved)
    for s, y, rho, alpha in reversed(kept):
        beta = rho * (y * q).sum(1)
        q += (alpha - beta)[:, None] * s
    return q
