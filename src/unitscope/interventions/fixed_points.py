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
    parts = 2 if single.mode == "LSTM" else 1
    width = parts * single.hidden_size
    if starts.shape[1] != width:
        raise InputError(f"the state of this layer has {width} numbers, the starts have {starts.shape[1]}")
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
    found: list[Tensor] = []
    for start in states:
        state = start
        for _ in range(NEWTON):
            slope = _jacobian(single, x, state) - torch.eye(len(state), dtype=state.dtype)
            # gelsd, because the slope has no inverse where a whole line of states stands still.
            step = torch.linalg.lstsq(slope, (_next(single, x, state) - state)[:, None], driver="gelsd").solution
            state = state - step[:, 0]
        settled = bool(state.isfinite().all()) and float(_q(single, x, state[None])) <= tolerance
        if settled and all(float((state - other).norm()) > distinct for other in found):
            found.append(state)
    points = torch.stack(found) if found else states[:0]
    spectra = [torch.linalg.eigvals(_jacobian(single, x, point)) for point in found]
    ordered = [values[values.abs().argsort(descending=True)].numpy() for values in spectra]
    eigenvalues = np.stack(ordered) if ordered else np.zeros(tuple(points.shape), dtype=np.complex128)
    return FixedPoints(points.numpy(), _q(single, x, points).numpy(), eigenvalues)


def _next(single: nn.RNNBase, x: Tensor, state: Tensor) -> Tensor:
    """One step of one state, or of several ``[point state]``."""
    rows = state.reshape(-1, state.shape[-1])
    parts = tuple(part.contiguous()[None] for part in rows.chunk(2 if single.mode == "LSTM" else 1, dim=1))
    _, last = single(x.double().expand(len(rows), 1, -1), parts if len(parts) > 1 else parts[0])
    after = torch.cat(last if isinstance(last, tuple) else (last,), dim=2)[0]
    return after.reshape(state.shape)


def _q(single: nn.RNNBase, x: Tensor, states: Tensor) -> Float[Tensor, " point"]:
    return 0.5 * (_next(single, x, states) - states).square().sum(1)  # [point]


def _jacobian(single: nn.RNNBase, x: Tensor, state: Tensor) -> Tensor:
    jacobian: Tensor = torch.autograd.functional.jacobian(lambda s: _next(single, x, s), state)
    return jacobian
