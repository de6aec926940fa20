"""Rates at which nearby states of a recurrent layer separate or converge while it reads an input.

A small ball of states becomes an ellipsoid; the mean rates at which its axes grow are the Lyapunov exponents. A
positive one means chaos, one near zero a memory that lasts; −1/λ is a time constant in steps. The Jacobians of the
steps are multiplied up, and their product is kept within numbers by a QR decomposition after each step (Benettin et al.
1980; for recurrent networks Engelken, Wolf & Abbott 2023, arXiv 2006.02427, and Vogt et al. 2022, arXiv 2006.14123).
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from unitscope.errors import InputError
from unitscope.interventions.one_step import jacobians, width
from unitscope.views import Lines, Series


@dataclass(frozen=True, eq=False)
class Lyapunov:
    """The exponents of a layer along one input."""

    exponents: Float[np.ndarray, " exponent"]
    """Nats per step, the largest first; minus infinity for a direction that a single step collapses."""
    running: Float[np.ndarray, "step exponent"]
    """The same after so many steps: they are worth what they have settled to."""

    @property
    def dimension(self) -> float:
        """Kaplan & Yorke's dimension of the set that states are drawn to; 0 where they are drawn to a point."""
        sums = np.cumsum(self.exponents)
        positive = int((sums >= 0).sum())
        if positive == 0 or positive == len(sums):
            return float(positive)
        return positive + float(sums[positive - 1] / abs(self.exponents[positive]))

    def view(self) -> Lines:
        """The exponents in order."""
        x = [float(place) for place in range(len(self.exponents))]
        line = Series("exponent", self.exponents.tolist())
        return Lines("Lyapunov exponents", x, [line], "number", "nats per step")


def lyapunov(
    single: nn.RNNBase,
    inputs: Float[Tensor, "time channel"],
    count: int | None = None,
    start: Float[Tensor, " state"] | None = None,
    skip: int = 100,
) -> Lyapunov:
    """The ``count`` largest exponents (all by default) while the layer reads ``inputs``.

    ``single`` is one layer in float64, as ``alone(layer, "coupled")`` gives it. The first ``skip`` steps only bring the
    state and the directions where they belong. Raises ``InputError`` for too few steps, more exponents than the state
    has numbers, and a start of another width.
    """
    state = torch.zeros(width(single), dtype=torch.float64) if start is None else start.double()
    count = len(state) if count is None else count
    if state.shape != (width(single),) or not 0 < count <= len(state):
        raise InputError(f"the state of this layer has {width(single)} numbers, so it has 1 to that many exponents")
    if len(inputs) <= skip:
        raise InputError(f"{skip} of {len(inputs)} steps are skipped, so none is left; give a longer input")
    directions = torch.linalg.qr(torch.eye(len(state), dtype=torch.float64)[:, :count])[0]
    growth = []
    for step, x in enumerate(inputs):
        there, slopes = jacobians(single, x, state[None])
        state = there[0]
        directions, scale = torch.linalg.qr(slopes[0] @ directions)
        if step >= skip:
            growth.append(scale.diagonal().abs().log())
    rates = torch.stack(growth).cumsum(0) / torch.arange(1, len(growth) + 1)[:, None]  # [step exponent]
    order = rates[-1].argsort(descending=True)
    return Lyapunov(rates[-1][order].numpy(), rates[:, order].numpy())
