"""Mean, spread and shape of each unit's activation.

Sums of powers about a shift are merged by the formulas of Chan, Golub & LeVeque (1983) and, for the
third and fourth order, Pébay (2008), so the order of the data does not cost precision.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Group, Scatter, Table, View


@dataclass
class Sums:
    """Running sums of one site, in float64."""

    site: Site
    count: int
    mean: Float[Tensor, " unit"]
    powers: Float[Tensor, "order unit"]
    """Sums of (x − mean)², (x − mean)³, (x − mean)⁴."""
    smallest: Float[Tensor, " unit"]
    largest: Float[Tensor, " unit"]


@dataclass(frozen=True, eq=False)
class MomentsResult(Result):
    count: int
    mean: Float[np.ndarray, " unit"]
    std: Float[np.ndarray, " unit"]
    skewness: Float[np.ndarray, " unit"]
    kurtosis: Float[np.ndarray, " unit"]
    smallest: Float[np.ndarray, " unit"]
    largest: Float[np.ndarray, " unit"]

    def columns(self) -> list[Column]:
        return [
            Column("mean", self.mean, "mean activation"),
            Column("std", self.std, "standard deviation of the activation"),
            Column("skewness", self.skewness, "asymmetry; 0 for a symmetric unit"),
            Column("kurtosis", self.kurtosis, "excess kurtosis; large for a unit that is rarely far from its mean"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        if unit is None:
            names = [f"{self.site}/{u}" for u in range(self.units)]
            group = Group(self.site, self.mean.tolist(), self.std.tolist(), names)
            return [Scatter("Mean and spread of every unit", [group], "mean", "standard deviation")]
        fields = ("mean", "std", "skewness", "kurtosis", "smallest", "largest")
        row = [float(getattr(self, name)[unit]) for name in fields]
        return [Table(f"Moments over {self.count:,} tokens", [Field(name) for name in fields], [row])]


@dataclass(frozen=True)
class Moments(Analysis[Sums]):
    """Moments.

    Mean, standard deviation, skewness, excess kurtosis (population formulas), smallest and
    largest activation of each unit.
    """

    def start(self, site: Site, given: Given) -> Sums:
        zeros = torch.zeros(site.units, dtype=torch.float64)
        return Sums(
            site,
            0,
            zeros.clone(),
            torch.zeros(3, site.units, dtype=torch.float64),
            zeros + torch.inf,
            zeros - torch.inf,
        )

    def update(self, state: Sums, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        x = chunk.activations  # [token unit]
        n = len(chunk)
        shift = x.mean(0)  # [unit]
        d = x - shift  # [token unit]; small numbers, of which float32 powers are precise
        first, smallest, largest = d.sum(0), x.amin(0), x.amax(0)
        power = d * d
        sums = [first, power.sum(0), power.mul_(d).sum(0), power.mul_(d).sum(0)]
        shift, first, second, third, fourth = torch.stack([shift, *sums]).cpu().double()  # each [unit]
        # The mean as float32 is a little off, and so are the powers about it.
        off = first / n
        powers = torch.stack(
            [
                second - n * off**2,
                third - 3 * off * second + 2 * n * off**3,
                fourth - 4 * off * third + 6 * off**2 * second - 3 * n * off**4,
            ]
        )
        part = Sums(state.site, n, shift + off, powers, smallest.cpu().double(), largest.cpu().double())
        vars(state).update(vars(self.merge(state, part)))

    def merge(self, a: Sums, b: Sums) -> Sums:
        n = a.count + b.count
        if n == 0:
            return Sums(a.site, 0, a.mean.clone(), a.powers.clone(), a.smallest.clone(), a.largest.clone())
        d = b.mean - a.mean
        p, q = a.count / n, b.count / n
        m2 = a.powers[0] + b.powers[0] + d**2 * (n * p * q)
        m3 = (
            a.powers[1] + b.powers[1]
            + d**3 * (n * p * q * (p - q))
            + 3 * d * (p * b.powers[0] - q * a.powers[0])
        )  # fmt: skip
        m4 = (
            a.powers[2] + b.powers[2]
            + d**4 * (n * p * q * (p * p - p * q + q * q))
            + 6 * d**2 * (p * p * b.powers[0] + q * q * a.powers[0])
            + 4 * d * (p * b.powers[1] - q * a.powers[1])
        )  # fmt: skip
        return Sums(
            a.site, n, a.mean + d * q, torch.stack([m2, m3, m4]),
            torch.minimum(a.smallest, b.smallest), torch.maximum(a.largest, b.largest),
        )  # fmt: skip

    def compute(self, state: Sums) -> MomentsResult:
        n = state.count
        mean = state.mean if n else torch.full_like(state.mean, torch.nan)
        variance, third, fourth = state.powers / (n or math.nan)
        variance = variance.clamp(min=0)
        # Below this the variance is nothing but rounding, and a constant has no shape.
        spread = torch.where(variance > 1e-12 * (variance + mean**2), variance, torch.nan)
        return MomentsResult(
            site=state.site.name,
            units=state.site.units,
            count=n,
            mean=mean.numpy(),
            std=variance.sqrt().numpy(),
            skewness=(third / spread**1.5).numpy(),
            kurtosis=(fourth / spread**2 - 3).numpy(),
            smallest=state.smallest.numpy(),
            largest=state.largest.numpy(),
        )
