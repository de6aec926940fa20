"""Linear regression from running sums: any number of words in the memory of one matrix, and what each unit adds.

Sums of products about the mean merge (Chan, Golub & LeVeque 1983), so shards and machines add up. From them follow, in
closed form, the fit for any penalty, the loss of leaving each unit out, and the greedy choice of units.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError


@dataclass(frozen=True)
class Gram:
    """Counts, means and centred sums of products of units x and values y, in float64."""

    count: int
    x: Float[Tensor, " unit"]
    y: Float[Tensor, " value"]
    xx: Float[Tensor, "unit unit"]
    xy: Float[Tensor, "unit value"]
    yy: Float[Tensor, " value"]

    @classmethod
    def empty(cls, units: int, values: int) -> "Gram":
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=torch.float64)

        return cls(0, zeros(units), zeros(values), zeros(units, units), zeros(units, values), zeros(values))

    @classmethod
    def of(cls, x: Float[Tensor, "word unit"], y: Float[Tensor, "word value"]) -> "Gram":
        """The sums of some words. Raises ``InputError`` if one is not finite."""
        if not len(x):
            return cls.empty(x.shape[1], y.shape[1])
        x, y = x.double(), y.double()
        mean_x, mean_y = x.mean(0), y.mean(0)
        if not bool(torch.isfinite(mean_x).all() and torch.isfinite(mean_y).all()):
            raise InputError("activations or values are not finite; regression needs finite numbers")
        x, y = x - mean_x, y - mean_y
        return cls(len(x), mean_x, mean_y, x.T @ x, x.T @ y, y.square().sum(0))

    def merge(self, other: "Gram") -> "Gram":
        """As if the other's words had followed."""
        count = self.count + other.count
        if not count:
            return self
        dx, dy = other.x - self.x, other.y - self.y
        both = self.count * other.count / count
        share = other.count / count
        return Gram(
            count,
            self.x + share * dx,
            self.y + share * dy,
            self.xx + other.xx + both * torch.outer(dx, dx),
            self.xy + other.xy + both * torch.outer(dx, dy),
            self.yy + other.yy + both * dy.square(),
        )

    def fit(self, l2: float = 0.0) -> "Ridge":
        """Least squares with ``l2·Σw²`` added to the sum of squares. Units of no variance get weight 0."""
        if self.count < 2:
            raise InputError(f"{self.count} words are too few for a regression")
        inverse = torch.linalg.pinv(self._penalised(l2), hermitian=True)
        weight = inverse @ self.xy
        return Ridge(weight, self.y - self.x @ weight)

    def residual(self, ridge: "Ridge") -> Float[Tensor, " value"]:
        """Sum of squared errors of a fit on these words (its intercept must be fitted on them)."""
        w = ridge.weight
        return self.yy - 2 * (w * self.xy).sum(0) + (w * (self.xx @ w)).sum(0)

    def r2(self, ridge: "Ridge") -> Float[Tensor, " value"]:
        """Share of the variance that a fit on these words explains."""
        return 1 - self.residual(ridge) / self.yy

    def leave_out(self, l2: float = 0.0) -> Float[Tensor, "unit value"]:
        """By how much the penalised sum of squares rises if a unit is left out and the rest is fitted again.

        The closed form is w²/(A⁻¹)ᵤᵤ with A = xx + l2·I, so no refit is made.
        """
        inverse = torch.linalg.pinv(self._penalised(l2), hermitian=True)
        weight = inverse @ self.xy
        diagonal = inverse.diagonal()
        return torch.where(diagonal[:, None] > 0, weight.square() / diagonal.clamp(min=1e-300)[:, None], 0.0)

    def forward(self, most: int, l2: float = 0.0) -> Int[Tensor, " chosen"]:
        """Units in the order in which each lowers the penalised squares most, values counting by their variance.

        One rank-one update per chosen unit (orthogonal least squares, Chen, Billings & Luo 1989).
        """
        left = self._penalised(l2)
        toward = self.xy.clone()
        scale = left.diagonal().clone().clamp(min=1e-300)
        free = torch.ones(len(left), dtype=torch.bool)
        chosen: list[int] = []
        for _ in range(min(most, len(left))):
            spread = left.diagonal()
            # A unit that the chosen ones already span has only rounding left.
            usable = free & (spread > 1e-10 * scale)
            if not bool(usable.any()):
                break
            gain = torch.where(usable, (toward / self.yy.clamp(min=1e-300).sqrt()).square().sum(1) / spread, -1.0)
            unit = int(gain.argmax())
            chosen.append(unit)
            free[unit] = False
            column = left[:, unit] / spread[unit]
            toward = toward - torch.outer(column, toward[unit])
            left = left - torch.outer(column, left[unit])
        return torch.tensor(chosen, dtype=torch.int64)

    def _penalised(self, l2: float) -> Float[Tensor, "unit unit"]:
        return self.xx + l2 * torch.eye(len(self.xx), dtype=torch.float64)


@dataclass(frozen=True)
class Ridge:
    """A fitted regression."""

    weight: Float[Tensor, "unit value"]
    intercept: Float[Tensor, " value"]

    def predict(self, x: Float[Tensor, "word unit"]) -> Float[Tensor, "word value"]:
        return x.double() @ self.weight + self.intercept
