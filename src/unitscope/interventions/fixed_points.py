"""Where the state of a recurrent layer stands still, and what happens near there (Sussillo & Barak 2013).

States are moved downhill on q = ½‖F(s) − s‖², all starting points at once, and then polished by Newton's method, so
that what is returned is a fixed point to rounding and not only a slow place. The eigenvalues of the Jacobian there
say whether the state returns to it: all within the unit circle for a stable one.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.interventions.one_step import after, jacobians, width

NEWTON = 20
"""Steps of the polish; it doubles the right digits with each."""


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """States that the layer keeps under a constant input; hidden first, then for an LSTM cell."""

    states: Float[np.ndarray, "point state"]
    q: Float[np.ndarray, " point"]
    eigenvalues: Complex[np.ndarray, "point state"]
    """Of the Jacobian of one step, the largest first."""

    @property
    def stable(self) -> Bool[np.ndarray, " point"]:
        """Whether small disturbances die away."""
        found: Bool[np.ndarray, " point"] = np.abs(self.eigenvalues).max(axis=1, initial=0.0) < 1
        return found


def fixed_points(
    single: nn.RNNBase,
    x: Float[Tensor, " channel"],
    starts: Float[Tensor, "start state"],
    steps: int = 500,
    rate: float = 0.05,
    tolerance: float = 1e-20,
    distinct: float = 1e-3,
) -> FixedPoints:
    """The fixed points that ``starts`` lead to, under the constant input ``x``.

    ``single`` is one layer in float64, as ``alone(layer, "coupled")`` gives it. Good starts are states that the layer
    visits on data, with a little noise. Points with q above ``tolerance`` are dropped, and of points nearer than
    ``distinct`` one is kept. Raises ``InputError`` for starts of another width than the state.
    """
    if starts.shape[1] != width(single):
        raise InputError(f"the state of this layer has {width(single)} numbers, the starts have {starts.shape[1]}")
    states = starts.double().clone().requires_grad_()
    optimizer = torch.optim.Adam([states], rate)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        loss = _q(single, x, states).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
    return _kept(single, x, states.detach(), tolerance, distinct)


@torch.no_grad()
def _kept(single: nn.RNNBase, x: Tensor, states: Tensor, tolerance: float, distinct: float) -> FixedPoints:
    still = torch.eye(states.shape[1], dtype=states.dtype)
    for _ in range(NEWTON):
        there, slopes = jacobians(single, x, states)
        # gelsd, because the slope has no inverse where a whole line of states stands still.
        steps = torch.linalg.lstsq(slopes - still, (there - states)[..., None], driver="gelsd").solution
        moved = states - steps[..., 0]
        states = torch.where(moved.isfinite().all(1, keepdim=True), moved, states)
    found: list[Tensor] = []
    for state in states[_q(single, x, states) <= tolerance]:
        if all(float((state - other).norm()) > distinct for other in found):
            found.append(state)
    points = torch.stack(found) if found else states[:0]
    spectra = torch.linalg.eigvals(jacobians(single, x, points)[1]) if found else points.to(torch.complex128)
    order = spectra.abs().argsort(dim=1, descending=True)
    return FixedPoints(points.numpy(), _q(single, x, points).numpy(), spectra.gather(1, order).numpy())


def _q(single: nn.RNNBase, x: Tensor, states: Tensor) -> Float[Tensor, " point"]:
    return 0.5 * (after(single, x, states) - states).square().sum(1)  # [point]
