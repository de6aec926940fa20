"""Memory of each unit: its correlation with itself some tokens earlier."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Group, Lines, Scatter, Series, View


@dataclass
class Sums:
    """Sums over all pairs (t − lag, t) within sequences, in float64. Lag 0 comes first: the tokens themselves."""

    site: Site
    pairs: Float[Tensor, " lag"]
    ends: Float[Tensor, "lag unit"]
    """Σ x_t + x_{t−lag}."""
    products: Float[Tensor, "lag unit"]
    """Σ x_t · x_{t−lag}."""


@dataclass(frozen=True, eq=False)
class AutocorrelationResult(Result):
    lags: list[int]
    pairs: Float[np.ndarray, " lag"]
    acf: Float[np.ndarray, "lag unit"]
    """NaN for a constant unit, and at lags that no sequence is long enough for."""
    time_scale: Float[np.ndarray, " unit"]
    """Tokens; NaN for a constant unit, infinite where it is longer than the longest lag."""

    def columns(self) -> list[Column]:
        return [
            Column("lag-1 autocorrelation", self.acf[1], "correlation with itself one token earlier"),
            Column(
                "time scale",
                self.time_scale,
                f"tokens until the autocorrelation has fallen to 1/e; infinite above {self.lags[-1]}",
            ),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        asked = np.flatnonzero(self.pairs > 0)  # lags
        lags = [float(self.lags[lag]) for lag in asked]
        labels = ("lag in tokens", "autocorrelation")
        if unit is not None:
            note = f"falls to 1/e after {self.time_scale[unit]:.3g} tokens" if self.time_scale[unit] > 0 else ""
            series = [Series(f"{self.site}/{unit}", self.acf[asked, unit].tolist())]
            return [Lines("Autocorrelation", lags, series, *labels, note=note)]
        moving = ~np.isnan(self.acf[0])
        if not moving.any():
            return []
        low, middle, high = np.quantile(self.acf[np.ix_(asked, moving)], [0.1, 0.5, 0.9], axis=1)
        band = Series(
            "median unit, and from the 10th to the 90th in a hundred", *(v.tolist() for v in (middle, low, high))
        )
        names = [f"{self.site}/{u}" for u in range(self.units)]
        group = Group(self.site, self.acf[1].tolist(), self.time_scale.tolist(), names)
        return [
            Lines("Autocorrelation of all units", lags, [band], *labels),
            Scatter("Time scale of every unit", [group], "lag-1 autocorrelation", "time scale in tokens"),
        ]


@dataclass(frozen=True)
class Autocorrelation(Analysis[Sums]):
    """Autocorrelation and time scale.

    How a unit's value at a token resembles its value 1, 2, 4, … tokens earlier in the sequence: the mean product of
    both deviations from the mean, divided by the variance; mean and variance are those of all tokens. The time scale is
    the lag at which this first falls to 1/e. Between two lags the autocorrelation is taken for an exponential, or for a
    straight line where it changes its sign; so a first-order autoregressive unit has its exact time scale, −1 / ln r₁.
    """

    longest: int = field(default=256, metadata={"help": "largest lag, in tokens"})

    @property
    def lags(self) -> list[int]:
        """0, then the powers of two."""
        return [0, *(2**k for k in range(max(1, self.longest.bit_length())))]

    def start(self, site: Site, given: Given) -> Sums:
        zeros = torch.zeros(len(self.lags), site.units, dtype=torch.float64)
        return Sums(site, torch.zeros(len(self.lags), dtype=torch.float64), zeros.clone(), zeros.clone())

    def update(self, state: Sums, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        x = chunk.activations  # [token unit]
        n = len(x)
        shift = x.mean(0)
        d = x - shift  # small numbers, of which float32 products are precise
        partners = x.new_zeros(len(self.lags), n)  # [lag token]: in how many pairs a token is
        products = torch.zeros_like(state.products, device=x.device, dtype=x.dtype)
        for row, lag in enumerate(self.lags):
            if lag >= n:
                break
            pair = (chunk.sequence[lag:] == chunk.sequence[: n - lag]).to(x.dtype)  # [pair]
            partners[row, lag:] += pair
            partners[row, : n - lag] += pair
            products[row] = pair @ (d[lag:] * d[: n - lag])
        ends, products, shift = (partners @ d).cpu().double(), products.cpu().double(), shift.cpu().double()
        pairs = partners.sum(1).cpu().double() / 2
        state.pairs += pairs
        state.ends += ends + 2 * pairs[:, None] * shift
        state.products += products + shift * ends + pairs[:, None] * shift**2

    def merge(self, a: Sums, b: Sums) -> Sums:
        return Sums(a.site, a.pairs + b.pairs, a.ends + b.ends, a.products + b.products)

    def compute(self, state: Sums) -> AutocorrelationResult:
        pairs = torch.where(state.pairs > 0, state.pairs, torch.nan)[:, None]
        mean = state.ends[0] / (2 * pairs[0])  # [unit]; a token is its own partner twice at lag 0
        covariance = (state.products - mean * state.ends) / pairs + mean**2  # [lag unit]
        variance = covariance[0]
        # Below this the variance is nothing but rounding.
        variance = torch.where(variance > 1e-12 * (variance + mean**2), variance, torch.nan)
        acf = (covariance / variance).numpy()
        return AutocorrelationResult(
            site=state.site.name,
            units=state.site.units,
            lags=self.lags,
            pairs=state.pairs.numpy().copy(),
            acf=acf,
            time_scale=_time_scale(np.array(self.lags, float), acf),
        )


def _time_scale(lags: Float[np.ndarray, " lag"], acf: Float[np.ndarray, "lag unit"]) -> Float[np.ndarray, " unit"]:
    """The lag at which the autocorrelation first falls to 1/e, between the lags that were asked."""
    level = math.exp(-1)
    fallen = acf <= level
    after = fallen.argmax(0)  # [unit]; the first lag at or below the level: never 0, where r = 1
    before = np.maximum(after - 1, 0)
    units = np.arange(acf.shape[1])
    r0, r1 = acf[before, units], acf[after, units]
    with np.errstate(invalid="ignore", divide="ignore"):
        straight = (r0 - level) / (r0 - r1)
        exponential = (np.log(r0) + 1) / (np.log(r0) - np.log(r1))
        crossing = lags[before] + np.where(r1 > 0, exponential, straight) * (lags[after] - lags[before])
    scale = np.where(fallen.any(0), crossing, np.inf)
    return np.where(np.isnan(acf[0]), np.nan, scale)
