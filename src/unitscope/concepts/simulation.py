"""Simulation scores: how well an explanation's activations resemble the unit's on data that it has not seen.

Bills et al. 2023 let a language model simulate a unit from its explanation. Here an explanation is a label (a concept,
a formula), and ``ask`` simulates the unit by a line that is learnt on other text; simulated activations of any other
kind are scored here. The score is the correlation over **all tokens of all texts joined**, not the mean of the
correlations of single texts.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


@dataclass
class Simulation:
    """Running sums of real and simulated activations of each unit, over tokens of any texts."""

    units: int
    n: float = 0.0
    sums: Float[Tensor, "sum unit"] = field(init=False)
    """Σr Σs Σr² Σs² Σrs Σ|r−s| Σ|r|, r being real and s simulated."""

    def __post_init__(self) -> None:
        self.sums = torch.zeros(7, self.units, dtype=torch.float64)

    def update(self, real: Float[Tensor, "token unit"], simulated: Float[Tensor, "token unit"]) -> None:
        """Add tokens."""
        r, s = real.double(), simulated.double()
        self.n += len(r)
        parts = (r, s, r * r, s * s, r * s, (r - s).abs(), r.abs())
        self.sums += torch.stack([part.sum(0) for part in parts]).cpu()

    def merge(self, other: "Simulation") -> "Simulation":
        """New sums, as if the tokens of ``other`` had followed."""
        both = Simulation(self.units)
        both.n, both.sums = self.n + other.n, self.sums + other.sums
        return both

    def correlation(self) -> Float[np.ndarray, " unit"]:
        """Pearson's r over all tokens joined; NaN where either side is constant."""
        r, s, rr, ss, rs = self.sums[:5] / max(self.n, 1.0)
        of_r, of_s = rr - r * r, ss - s * s
        varies = (of_r > 1e-12 * rr) & (of_s > 1e-12 * ss)
        found: np.ndarray = torch.where(varies, (rs - r * s) / (of_r * of_s).sqrt(), torch.nan).numpy()
        return found

    def explained(self) -> Float[np.ndarray, " unit"]:
        """1 − Σ(r − s)² / Σr², without centring; NaN for a unit that is always 0."""
        _, _, rr, ss, rs = self.sums[:5]
        return _share(rr - 2 * rs + ss, rr)

    def explained_absolute(self) -> Float[np.ndarray, " unit"]:
        """1 − Σ|r − s| / Σ|r|; NaN for a unit that is always 0."""
        return _share(self.sums[5], self.sums[6])


def _share(left: Tensor, whole: Tensor) -> Float[np.ndarray, " unit"]:
    found: np.ndarray = torch.where(whole > 0, 1 - left / whole, torch.nan).numpy()
    return found
