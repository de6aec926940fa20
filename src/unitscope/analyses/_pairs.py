"""What can be read from sums and counts over tokens about every pair of a unit and a hypothesis.

Each measure of a pair is computed here and nowhere else; whoever adds up the sums decides what a token is.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


def pearson(
    n: Float[Tensor, "..."],
    x: Float[Tensor, "..."],
    y: Float[Tensor, "..."],
    xx: Float[Tensor, "..."],
    yy: Float[Tensor, "..."],
    xy: Float[Tensor, "..."],
) -> Float[Tensor, "..."]:
    """Pearson's r from sums; NaN where one of the two is constant."""
    mx, my = x / n, y / n
    vx, vy = positive(xx / n - mx**2, xx / n), positive(yy / n - my**2, yy / n)
    return (xy / n - mx * my) / (vx * vy).sqrt()


def positive(variance: Float[Tensor, "..."], scale: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The variance, NaN where it is nothing but rounding: a constant has no correlation."""
    return torch.where(variance > 1e-10 * scale.clamp(min=1e-30), variance, torch.nan)


@dataclass(frozen=True)
class Counts:
    """How many tokens lie above each threshold of a unit, thresholds in rising order; all in float64."""

    n: Float[Tensor, " hypothesis"]
    """Tokens where the hypothesis is defined."""
    flagged: Float[Tensor, " hypothesis"]
    above: Float[Tensor, "level unit hypothesis"]
    above_flagged: Float[Tensor, "level unit hypothesis"]

    def in_bins(self) -> tuple[Float[Tensor, "bin unit hypothesis"], Float[Tensor, "bin unit hypothesis"]]:
        """Tokens without and with the flag between neighbouring thresholds, the lowest bin first."""
        nothing = torch.zeros_like(self.above[:1])
        above = torch.cat([self.n.expand_as(nothing), self.above, nothing])  # [edge unit hypothesis]
        above1 = torch.cat([self.flagged.expand_as(nothing), self.above_flagged, nothing])
        in_bin1 = above1[:-1] - above1[1:]
        return (above[:-1] - above[1:]) - in_bin1, in_bin1


def area(counts: Counts) -> tuple[Float[Tensor, "unit hypothesis"], Float[Tensor, "unit hypothesis"]]:
    """AUC, ties within a bin counted half, and the largest error that this can cause. NaN without both classes."""
    in_bin0, in_bin1 = counts.in_bins()
    p1, p0 = in_bin1 / counts.flagged, in_bin0 / (counts.n - counts.flagged)
    below0 = p0.cumsum(0) - p0
    return (p1 * (below0 + p0 / 2)).sum(0), (p1 * p0).sum(0) / 2


def overlap(counts: Counts) -> tuple[Float[Tensor, "level unit hypothesis"], Float[Tensor, "level unit hypothesis"]]:
    """IoU of the flagged tokens with those above each threshold, and with those not above it."""
    inside, size, ones = counts.above_flagged, counts.above, counts.flagged
    over = inside / (size + ones - inside)
    under = (ones - inside) / (counts.n - size + inside)
    none = ones == 0
    return torch.where(none, torch.nan, over), torch.where(none, torch.nan, under)


def information(counts: Counts) -> Float[Tensor, "unit hypothesis"]:
    """Mutual information, in bits, between a unit's bin and the flag. NaN without both classes."""
    joint = torch.stack(counts.in_bins()) / counts.n  # [flag bin unit hypothesis]
    independent = joint.sum(0, keepdim=True) * joint.sum(1, keepdim=True)
    bits = torch.where(joint > 0, joint * (joint / independent).log2(), 0.0).sum((0, 1)).clamp(min=0)
    both = (counts.flagged > 0) & (counts.flagged < counts.n)
    return torch.where(both, bits, torch.nan)
