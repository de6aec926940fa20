"""Every unit against every hypothesis, in one pass.

A hypothesis is a label per token: a flag (inside quotes) or a number (position in the line). Four measures:

- Pearson's r. Its interval and the p-value of "r = 0" take groups of sequences as the independent pieces of
  evidence (cluster-robust delta method; Liang & Zeger 1986), because neighbouring tokens are anything but
  independent: a test that counts tokens calls nearly every unit significant. A group is a document, or whatever
  a label says; groups go into 64 buckets. The spread is never taken to be less than independent tokens would give.
- AUC: the probability that the unit is higher on a token with the flag than on one without.
- IoU of the tokens with the flag and those where the unit is beyond a quantile, for the best quantile on
  either side (NetDissect: Bau et al. 2017, who fix the quantile).
- Mutual information, in bits, between the unit's quantile bin and the flag.

A number becomes a flag by "above its median". AUC, IoU and information are all read from one table: how many
tokens are above each quantile, with and without the flag. So AUC gives ties within a bin half a point;
``auc_error`` bounds what that can cost.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from unitscope.analyses._pairs import Counts, area, information, overlap, positive
from unitscope.analyses.moments import Moments
from unitscope.analyses.quantiles import Quantiles
from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.view import Field, Table, View

# Sums, the axis "sum" below: Σxy Σx Σy Σx² Σy² Σ1, over the tokens where the label is defined.
XY, X, Y, XX, YY, N = range(6)

BUCKETS = 64
"""Pieces of evidence at most: enough for a spread, few enough that memory does not grow with the text."""


@dataclass
class Tables:
    """Running sums of one site, all in float64. x is a unit less its mean, y a label less its mean."""

    site: Site
    x_mean: Float[Tensor, " unit"]
    y_mean: Float[Tensor, " hypothesis"]
    cut: Float[Tensor, " hypothesis"]
    """A label above this counts as flagged."""
    thresholds: Float[Tensor, "level unit"]
    sequences: int
    sums: Float[Tensor, "bucket sum unit hypothesis"]
    """By bucket of evidence: sequences of one group are always in the same bucket."""
    above: Float[Tensor, "level unit hypothesis"]
    """Tokens above the threshold where the label is defined."""
    above_flagged: Float[Tensor, "level unit hypothesis"]
    flagged: Float[Tensor, " hypothesis"]


@dataclass(frozen=True, eq=False)
class AffinityResult(Result):
    hypotheses: list[str]
    sequences: int
    tokens: Float[np.ndarray, " hypothesis"]
    """Tokens where the label is defined."""
    prevalence: Float[np.ndarray, " hypothesis"]
    """Share of these that are flagged."""
    r: Float[np.ndarray, "unit hypothesis"]
    r_low: Float[np.ndarray, "unit hypothesis"]
    r_high: Float[np.ndarray, "unit hypothesis"]
    p: Float[np.ndarray, "unit hypothesis"]
    """Two-sided p-value of r = 0, before any correction for the number of tests."""
    auc: Float[np.ndarray, "unit hypothesis"]
    auc_error: Float[np.ndarray, "unit hypothesis"]
    iou: Float[np.ndarray, "unit hypothesis"]
    information: Float[np.ndarray, "unit hypothesis"]

    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """For each unit the hypothesis with the largest \\|r\\|, and that r. NaN and −1 for a constant unit."""
        strength = np.where(np.isnan(self.r), -1.0, np.abs(self.r))
        winner = strength.argmax(1)
        r = self.r[np.arange(self.units), winner]
        return np.where(np.isnan(r), -1, winner), r

    def columns(self) -> list[Column]:
        winner, r = self.best()
        names = np.array([self.hypotheses[k] if k >= 0 else "" for k in winner])
        auc = np.where(winner >= 0, self.auc[np.arange(self.units), winner], np.nan)
        return [
            Column("best hypothesis", names, "the hypothesis with the largest |r|", "text"),
            Column(
                "best r", r, "correlation with the best hypothesis, on all tokens: chosen, so too high; see findings"
            ),
            Column("best AUC", auc, "AUC for the best hypothesis"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        note = f"{self.sequences:,} sequences; intervals and p-values take them or their documents as the evidence"
        heads = [
            Field("hypothesis", "text"),
            Field("r", help="Pearson correlation"),
            Field("95 % from"),
            Field("to"),
            Field("p", help="two-sided, of r = 0; not corrected for the number of tests"),
            Field("AUC", help="0.5 is chance; below 0.5 the unit is lower where the hypothesis holds"),
            Field("IoU", help="overlap of the flagged tokens with those beyond the best quantile"),
            Field("bits", help="mutual information"),
            Field("prevalence", "share", "share of tokens with the flag; numbers: above the median"),
        ]
        per_unit = (self.r, self.r_low, self.r_high, self.p, self.auc, self.iou, self.information)
        if unit is None:
            strength = np.where(np.isnan(self.r), -1.0, np.abs(self.r))
            pairs = [(int(strength[:, k].argmax()), k) for k in range(len(self.hypotheses))]
            heads.insert(1, Field("unit", "unit"))
            rows = [
                [self.hypotheses[k], f"{self.site}/{u}", *(float(m[u, k]) for m in per_unit), float(self.prevalence[k])]
                for u, k in pairs
            ]
            return [
                Table(
                    "The best unit for each hypothesis",
                    heads,
                    rows,
                    note=f"{note}; chosen and scored on the same tokens",
                )
            ]
        order = np.argsort(-np.where(np.isnan(self.r[unit]), -1.0, np.abs(self.r[unit])))
        rows = [[self.hypotheses[k], *(float(m[unit, k]) for m in per_unit), float(self.prevalence[k])] for k in order]
        return [Table("Affinity to each hypothesis", heads, rows, note=note)]


@dataclass(frozen=True)
class Affinity(Analysis[Tables]):
    """Affinity.

    Correlation, AUC, IoU and mutual information of every unit with every hypothesis.
    """

    asks: ClassVar[bool] = True

    hypotheses: tuple[str, ...] = field(default=(), metadata={"help": "what is asked: names of hypotheses"})

    groups: str = field(
        default="",
        metadata={"help": "label that numbers what belongs together, such as the document; each sequence if not given"},
    )

    @property
    def needs(self) -> tuple[Analysis[Any], ...]:
        return (Moments(), Quantiles(of_labels=self.hypotheses))

    @property
    def labels(self) -> tuple[str, ...]:
        return (*self.hypotheses, self.groups) if self.groups else self.hypotheses

    def start(self, site: Site, given: Given) -> Tables:
        if not self.hypotheses:
            raise InputError(
                "affinity needs hypotheses to ask about, as in affinity:hypotheses=digit+inside-parentheses; "
                "unitscope find --list has them"
            )
        quantiles = given[Quantiles(of_labels=self.hypotheses)]
        medians = torch.from_numpy(quantiles.label_values[quantiles.levels.index(0.5)]).float()
        # The median of a flag is 0 or 1; "above one half" is what a flag means.
        is_flag = torch.from_numpy(((quantiles.label_values == 0) | (quantiles.label_values == 1)).all(0))
        shape = (site.units, len(self.hypotheses))
        levels = len(quantiles.levels)
        return Tables(
            site=site,
            x_mean=torch.from_numpy(given[Moments()].mean).float(),
            y_mean=torch.from_numpy(quantiles.label_means).float().nan_to_num(),
            cut=torch.where(is_flag, 0.5, medians),
            thresholds=torch.from_numpy(quantiles.values).float().contiguous(),
            sequences=0,
            sums=torch.zeros(BUCKETS, 6, *shape, dtype=torch.float64),
            above=torch.zeros(levels, *shape, dtype=torch.float64),
            above_flagged=torch.zeros(levels, *shape, dtype=torch.float64),
            flagged=torch.zeros(len(self.hypotheses), dtype=torch.float64),
        )

    def update(self, state: Tables, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        x = chunk.activations.float()  # [token unit]
        labels = torch.stack([chunk.labels[name] for name in self.hypotheses], 1).float()  # [token hypothesis]
        device = x.device
        defined = torch.isfinite(labels)
        weight = defined.float() if not bool(defined.all()) else None
        flag = (labels > state.cut.to(device)).float()  # an undefined label is not above anything
        y = (labels - state.y_mean.to(device)).nan_to_num()
        state.flagged += flag.sum(0).double().cpu()
        # Rows of what is counted above a threshold: every flag, then the tokens where labels are defined.
        counted = torch.cat([flag, torch.ones_like(flag[:, :1]) if weight is None else weight], 1).T
        kind = torch.int8 if x.device.type == "cpu" else torch.float32
        counted = counted.to(kind).contiguous()
        thresholds, x_mean = state.thresholds.to(device), state.x_mean.to(device)
        counts = x.new_zeros(len(thresholds), counted.shape[0], x.shape[1])  # exact in float32 below 2**24 tokens
        spans = chunk.spans()
        above = x.new_empty(max(last - first for first, last in spans), x.shape[1], dtype=kind)
        for first, last in spans:
            # One sequence at a time, so that what is compared stays in the processor's cache.
            for level, threshold in enumerate(thresholds):
                torch.gt(x[first:last], threshold, out=above[: last - first])
                counts[level] += _meet(counted[:, first:last], above[: last - first])
            group = chunk.labels[self.groups] if self.groups else chunk.sequence
            part = _sums(x[first:last] - x_mean, y[first:last], None if weight is None else weight[first:last])
            state.sums[_bucket(int(group[first]))] += part.double().cpu()
        state.sequences += len(spans)
        table = counts.double().cpu().transpose(1, 2)  # [level unit row]
        state.above_flagged += table[:, :, : len(self.hypotheses)]
        state.above += table[:, :, len(self.hypotheses) :]

    def merge(self, a: Tables, b: Tables) -> Tables:
        return Tables(
            a.site, a.x_mean, a.y_mean, a.cut, a.thresholds,
            a.sequences + b.sequences,
            a.sums + b.sums,
            a.above + b.above,
            a.above_flagged + b.above_flagged,
            a.flagged + b.flagged,
        )  # fmt: skip

    def compute(self, state: Tables) -> AffinityResult:
        n = state.sums[:, N, 0].sum(0)
        r, low, high, p = _correlation(state.sums)
        auc, error, iou, information = _overlap(state, n)
        return AffinityResult(
            site=state.site.name,
            units=state.site.units,
            hypotheses=list(self.hypotheses),
            sequences=state.sequences,
            tokens=n.numpy().copy(),
            prevalence=(state.flagged / n).numpy(),
            r=r, r_low=low, r_high=high, p=p,
            auc=auc, auc_error=error, iou=iou, information=information,
        )  # fmt: skip


def _meet(rows: Tensor, units: Tensor) -> Tensor:
    """How often each row ``[row step]`` and each unit ``[step unit]``, both of zeros and ones, are one together.

    On a processor as eight-bit integers, which are as exact as floats and seven times as fast.
    """
    return torch._int_mm(rows, units) if rows.dtype == torch.int8 else rows @ units


def _sums(
    x: Float[Tensor, "step unit"], y: Float[Tensor, "step hypothesis"], weight: Float[Tensor, "step hypothesis"] | None
) -> Float[Tensor, "sum unit hypothesis"]:
    """The six sums of one sequence. ``weight`` is 0 where the label is undefined (``y`` is 0 there too)."""
    steps, units, hypotheses = x.shape[0], x.shape[1], y.shape[1]
    sums = x.new_empty(6, units, hypotheses)
    sums[XY] = x.T @ y
    sums[Y] = y.sum(0)
    sums[YY] = (y * y).sum(0)
    if weight is None:
        sums[X] = x.sum(0)[:, None]
        sums[XX] = (x * x).sum(0)[:, None]
        sums[N] = steps
    else:
        sums[X] = x.T @ weight
        sums[XX] = (x * x).T @ weight
        sums[N] = weight.sum(0)
    return sums


def _bucket(group: int) -> int:
    """Where a group goes: by Knuth's multiplicative hash, so that neighbours are not in step with anything."""
    return (group * 2654435761 % 2**32) * BUCKETS >> 32


def _correlation(
    parts: Float[Tensor, "bucket sum unit hypothesis"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """r, its 95 % interval, and the p-value of r = 0.

    r is a function of the six totals. A bucket moves it by about the gradient times its own six sums, so the
    variance of r is the sum of the squares of these moves.
    """
    sums = parts.sum(0)
    filled = int((parts[:, N, 0] > 0).any(1).sum())
    n = sums[N]
    mx, my = sums[X] / n, sums[Y] / n
    cov = sums[XY] / n - mx * my
    vx = positive(sums[XX] / n - mx**2, sums[XX] / n)
    vy = positive(sums[YY] / n - my**2, sums[YY] / n)
    scale = (vx * vy).sqrt()
    r = cov / scale

    of_cov = torch.zeros_like(sums)  # gradient of the covariance, times n
    of_cov[XY], of_cov[X], of_cov[Y], of_cov[N] = 1.0, -my, -mx, mx * my - cov
    of_r = of_cov / scale
    of_r[XX] -= r / (2 * vx)
    of_r[YY] -= r / (2 * vy)
    of_r[X] += r * mx / vx
    of_r[Y] += r * my / vy
    of_r[N] -= r / 2 * ((mx**2 - vx) / vx + (my**2 - vy) / vy)

    correction = filled / max(filled - 1, 1)
    spread = {}
    # Never less than independent tokens would give. Where a rare flag meets a gate that is nearly always open, the few
    # sequences that count may all look alike, and their own spread would make a certainty of it.
    for name, gradient, least in (("cov", of_cov, n * vx * vy), ("r", of_r, n * (1 - r**2) ** 2)):
        form = (parts * gradient).sum(1).square().sum(0)
        spread[name] = torch.maximum(form * correction, least).sqrt() / n
    freedom = max(filled - 1, 1)
    few = filled < 3  # no spread can be read from fewer
    with np.errstate(all="ignore"):
        statistic = (cov / spread["cov"]).numpy()
        p = np.where(few, np.nan, 2 * stats.t.sf(np.abs(statistic), freedom))
        width = stats.t.ppf(0.975, freedom) * (spread["r"] / (1 - r**2)).numpy()
        centre = np.arctanh(np.clip(r.numpy(), -1 + 1e-12, 1 - 1e-12))
        low, high = np.tanh(centre - width), np.tanh(centre + width)
    low, high = np.where(few, np.nan, low), np.where(few, np.nan, high)
    return r.numpy(), low, high, p


def _overlap(state: Tables, n: Float[Tensor, " hypothesis"]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """AUC, the bound of its error, IoU and mutual information from the counts above each threshold."""
    counts = Counts(n, state.flagged, state.above, state.above_flagged)
    auc, error = area(counts)
    iou = torch.cat(overlap(counts)).amax(0)
    return auc.numpy(), error.numpy(), iou.numpy(), information(counts).numpy()
