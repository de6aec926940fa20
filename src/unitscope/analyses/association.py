"""Every unit against every label: the sums from which correlations and differences of means are read.

A label has a value for each token: a flag (inside quotes) or a number (position in the line). Sums are kept by *bucket*
of evidence: all tokens of one document, or of whatever else is alike, are in one bucket, and intervals and p-values are
made of the spread of buckets (``unitscope.evidence``), because neighbouring tokens are not independent.

Memory is one number for each bucket, unit and label. What depends on a unit alone is kept once for each family of
labels that are defined at the same tokens.
"""

import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from unitscope.analyses._products import filled
from unitscope.analyses._said import SHIFTED, Block, said_of, shift_of
from unitscope.errors import InputError
from unitscope.evidence.correlation import WHY, Sums, Totals, correlate
from unitscope.evidence.jackknife import jackknife
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Table, View

DIFFERENCES = ("difference", "standardised", "labelled")
"""Mean of the unit where a flag holds less that elsewhere; in its standard deviations; over its range, without sign."""


@dataclass
class Pairs:
    """Running sums of one site, in float64. x is a unit less ``x_shift``, y a label less ``y_shift``.

    The first row of the axis "family" is of all tokens; each other one is of the tokens where the labels of a family
    are defined.
    """

    site: Site
    begun: bool
    sequences: int
    x_shift: Float[Tensor, " unit"]
    """About the mean: what is added up in float32 is small."""
    y_shift: Float[Tensor, " label"]
    """0 for a flag."""
    n: Float[Tensor, "bucket family"]
    x: Float[Tensor, "bucket family unit"]
    xx: Float[Tensor, "bucket family unit"]
    y: Float[Tensor, "bucket label"]
    yy: Float[Tensor, "bucket label"]
    xy: Float[Tensor, "bucket label unit"]
    x_powers: Float[Tensor, "order unit"]
    """Σx³ and Σx⁴ of all tokens."""
    y_powers: Float[Tensor, "order label"]
    smallest: Float[Tensor, " unit"]
    largest: Float[Tensor, " unit"]
    is_flag: Bool[Tensor, " label"]
    """No value but 0 and 1 was seen."""


@dataclass(frozen=True, eq=False)
class AssociationResult(Result):
    labels: list[str]
    sequences: int
    tokens: Float[np.ndarray, " label"]
    """Where the label is defined."""
    label_mean: Float[np.ndarray, " label"]
    """Of a flag the share of tokens where it holds."""
    label_std: Float[np.ndarray, " label"]
    is_flag: Bool[np.ndarray, " label"]
    pieces: Int[np.ndarray, " label"]
    """Buckets of evidence in which the label is defined."""
    mean: Float[np.ndarray, " unit"]
    std: Float[np.ndarray, " unit"]
    r: Float[np.ndarray, "unit label"]
    r_low: Float[np.ndarray, "unit label"]
    r_high: Float[np.ndarray, "unit label"]
    error: Float[np.ndarray, "unit label"]
    """Of atanh r."""
    p: Float[np.ndarray, "unit label"]
    """Two-sided, of r = 0, before any correction for the number of tests."""
    why: Int[np.ndarray, "unit label"]
    """Why there is no p: a place in ``unitscope.evidence.correlation.WHY``."""
    differences: Float[np.ndarray, "measure bound unit label"]
    """``DIFFERENCES``, each with its value and the ends of its 95 % interval; no measure unless they were asked."""

    def reason(self, unit: int, label: int) -> str:
        """Why a pair has no p, in words; empty if it has one."""
        return WHY[int(self.why[unit, label])]

    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """For each unit the label with the largest \\|r\\|, and that r. −1 and NaN for a constant unit."""
        strength = np.where(np.isnan(self.r), -1.0, np.abs(self.r))
        winner = strength.argmax(1)
        r = self.r[np.arange(self.units), winner]
        return np.where(np.isnan(r), -1, winner), r

    def columns(self) -> list[Column]:
        winner, r = self.best()
        names = np.array([self.labels[k] if k >= 0 else "" for k in winner])
        return [
            Column("best label", names, "the label with the largest |r|", "text"),
            Column("best r", r, "correlation with it, on all tokens: chosen, so too high; unitscope ask confirms it"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        heads = [
            Field("label", "text"),
            Field("r", help="Pearson correlation"),
            Field("95 % from"),
            Field("to"),
            Field("p", help="two-sided, of r = 0; not corrected for the number of tests"),
            Field("mean", help="of the label; of a flag the share of tokens where it holds"),
            Field("why not", "text", help="why there is no p"),
        ]

        def row(u: int, k: int) -> list[object]:
            numbers = [float(table[u, k]) for table in (self.r, self.r_low, self.r_high, self.p)]
            return [self.labels[k], *numbers, float(self.label_mean[k]), self.reason(u, k)]

        note = f"{self.sequences:,} sequences in {int(self.pieces.max(initial=0))} pieces of evidence"
        strength = np.where(np.isnan(self.r), -1.0, np.abs(self.r))
        if unit is None:
            heads.insert(1, Field("unit", "unit"))
            rows = [row(u, k) for u, k in zip(strength.argmax(0).tolist(), range(len(self.labels)), strict=True)]
            rows = [[r[0], f"{self.site}/{u}", *r[1:]] for r, u in zip(rows, strength.argmax(0).tolist(), strict=True)]
            return [
                Table("The best unit for each label", heads, rows, note=f"{note}; chosen and scored on the same tokens")
            ]
        order = np.argsort(-strength[unit], kind="stable")
        return [Table("Association with each label", heads, [row(unit, int(k)) for k in order], note=note)]


@dataclass(frozen=True)
class Association(Analysis[Pairs]):
    """Association.

    Correlation of every unit with every label, with intervals and p-values that take documents as the evidence.
    """

    asks: ClassVar[bool] = True
    whole_chunks: ClassVar[bool] = True  # it divides them itself, always alike, whatever else is read

    of: tuple[str, ...] = field(default=(), metadata={"help": "what is asked: labels"})
    groups: str = field(
        default="",
        metadata={"help": "label that numbers the buckets of evidence; if not given, sequences are dealt out"},
    )
    buckets: int = field(default=64, metadata={"help": "buckets of evidence at most; with 1 there is no p"})
    families: str = field(
        default="",
        metadata={
            "help": "a number for each label, the same for those defined at the same tokens; each alone if not given"
        },
    )
    within: bool = field(default=False, metadata={"help": "take the mean of each bucket off: evidence within one text"})
    differences: bool = field(default=False, metadata={"help": "also differences of means, of labels that are flags"})

    @property
    def labels(self) -> tuple[str, ...]:
        return (*self.of, self.groups) if self.groups else self.of

    def _families(self) -> list[int]:
        """Row of each label in the axis "family"."""
        if not self.families:
            return list(range(1, len(self.of) + 1))
        numbers = [int(number) for number in self.families.split()]
        known = {number: at for at, number in enumerate(dict.fromkeys(numbers), 1)}
        return [known[number] for number in numbers]

    def start(self, site: Site, given: Given) -> Pairs:
        if not self.of:
            raise InputError("association needs labels, as in association:of=digit+inside-parentheses")
        families = self._families()
        if len(families) != len(self.of) or self.buckets < 1:
            raise InputError(f"{len(self.of)} labels have {len(families)} families in {self.buckets} buckets")
        units, labels, buckets = site.units, len(self.of), self.buckets

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(*shape, dtype=torch.float64)

        return Pairs(
            site=site,
            begun=False,
            sequences=0,
            x_shift=zeros(units),
            y_shift=zeros(labels),
            n=zeros(buckets, 1 + max(families)),
            x=zeros(buckets, 1 + max(families), units),
            xx=zeros(buckets, 1 + max(families), units),
            y=zeros(buckets, labels),
            yy=zeros(buckets, labels),
            xy=zeros(buckets, labels, units),
            x_powers=zeros(2, units),
            y_powers=zeros(2, labels),
            smallest=torch.full((units,), torch.inf),
            largest=torch.full((units,), -torch.inf),
            is_flag=torch.ones(labels, dtype=torch.bool),
        )

    def update(self, state: Pairs, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        x, units = chunk.activations.float(), state.site.units  # [token unit]
        if not state.begun:
            state.begun = True
            state.x_shift = filled(x[:SHIFTED]).mean(0).double().cpu()[:units]
            state.y_shift = shift_of(chunk, self.of)
        said = said_of(chunk, self.of, self._families(), (self.groups, self.buckets), state.y_shift)
        state.is_flag &= said.flags
        state.sequences += said.sequences
        x_shift = filled(state.x_shift.to(x.device, x.dtype))
        for block in said.blocks:
            rows = filled(x[block.rows])
            if self.differences:
                state.smallest = torch.minimum(state.smallest, rows.amin(0).cpu()[:units])
                state.largest = torch.maximum(state.largest, rows.amax(0).cpu()[:units])
            self._add(state, block, rows - x_shift)

    def _add(self, state: Pairs, block: Block, x: Float[Tensor, "token filled"]) -> None:
        """Add some tokens of one bucket."""
        bucket, units = block.bucket, state.site.units
        xx = x * x
        everything, squares = (part.sum(0).double().cpu()[:units] for part in (x, xx))
        state.n[bucket, 0] += x.shape[0]
        state.x[bucket, 0] += everything
        state.xx[bucket, 0] += squares
        state.n[bucket, block.everywhere] += x.shape[0]
        state.x[bucket, block.everywhere] += everything
        state.xx[bucket, block.everywhere] += squares
        if block.defined is not None:
            state.n[bucket, block.somewhere] += block.known
            state.x[bucket, block.somewhere] += block.defined.times(x)[:, :units]
            state.xx[bucket, block.somewhere] += block.defined.times(xx)[:, :units]
        state.y[bucket] += block.sums[0]
        state.yy[bucket] += block.sums[1]
        state.xy[bucket] += block.labels.times(x)[:, :units]
        if self.buckets > 1:
            state.x_powers += torch.stack([(xx * x).sum(0), (xx * xx).sum(0)]).double().cpu()[:, :units]
            state.y_powers += block.sums[2:]

    def merge(self, a: Pairs, b: Pairs) -> Pairs:
        if not a.begun or not b.begun:
            return copy.deepcopy(b if b.begun else a)
        families = torch.tensor(self._families())
        dx, dy = b.x_shift - a.x_shift, b.y_shift - a.y_shift
        n, x = b.n[:, :, None], b.x  # about b's shift
        n_label = b.n[:, families]
        moved_y = b.y + n_label * dy
        xy = b.xy + dx * b.y[:, :, None] + dy[:, None] * b.x[:, families] + n_label[:, :, None] * dx * dy[:, None]
        return Pairs(
            a.site, True, a.sequences + b.sequences, a.x_shift, a.y_shift,
            n=a.n + b.n,
            x=a.x + x + n * dx,
            xx=a.xx + b.xx + 2 * dx * x + n * dx**2,
            y=a.y + moved_y,
            yy=a.yy + b.yy + 2 * dy * b.y + n_label * dy**2,
            xy=a.xy + xy,
            x_powers=a.x_powers + _moved(b.x_powers, b.xx[:, 0].sum(0), b.x[:, 0].sum(0), b.n[:, 0].sum(), dx),
            y_powers=a.y_powers + _moved(b.y_powers, b.yy.sum(0), b.y.sum(0), n_label.sum(0), dy),
            smallest=torch.minimum(a.smallest, b.smallest),
            largest=torch.maximum(a.largest, b.largest),
            is_flag=a.is_flag & b.is_flag,
        )  # fmt: skip

    def by_bucket(self, state: Pairs) -> Float[np.ndarray, "bucket unit label"]:
        """Pearson's r of each bucket alone, without intervals; NaN where unit or label is constant there."""
        families = self._families()
        n, y, yy = (part.numpy()[:, None] for part in (state.n[:, families], state.y, state.yy))
        x, xx = (part[:, families].numpy().swapaxes(1, 2) for part in (state.x, state.xx))
        return Totals(n, x, y, xx, yy, state.xy.numpy().swapaxes(1, 2)).r()

    def compute(self, state: Pairs) -> AssociationResult:
        families = np.array(self._families())
        labels, units = len(self.of), state.site.units
        n, y, yy = state.n.numpy()[:, families], state.y.numpy(), state.yy.numpy()
        flag = state.is_flag.numpy()
        total, all_x, all_xx = float(state.n[:, 0].sum()), state.x[:, 0].sum(0).numpy(), state.xx[:, 0].sum(0).numpy()
        with np.errstate(all="ignore"):
            mean = all_x / total
            std = np.sqrt(np.maximum(all_xx / total - mean**2, 0.0))
            x_skewness, x_kurtosis = shape(total, all_x, all_xx, *state.x_powers.numpy())
            y_skewness, y_kurtosis = shape(n.sum(0), y.sum(0), yy.sum(0), *state.y_powers.numpy())
            label_mean = y.sum(0) / n.sum(0)
            label_std = np.sqrt(np.maximum(yy.sum(0) / n.sum(0) - label_mean**2, 0.0))
        sums = Sums(
            n=n, y=y, yy=yy,
            x=state.x.numpy().swapaxes(1, 2), xx=state.xx.numpy().swapaxes(1, 2),
            xy=state.xy.numpy().swapaxes(1, 2),
            x_skewness=x_skewness, y_skewness=y_skewness,
            x_kurtosis=x_kurtosis, y_kurtosis=y_kurtosis,
            on=np.where(flag, y, np.nan), family=families,
        )  # fmt: skip
        found = correlate(sums, self.within)
        differences = np.full((0, 3, units, labels), np.nan)
        if self.differences:
            span = (state.largest - state.smallest).double().numpy()
            differences = np.where(np.isnan(found.r), np.nan, _differences(sums, flag, span))
        return AssociationResult(
            site=state.site.name,
            units=units,
            labels=list(self.of),
            sequences=state.sequences,
            tokens=n.sum(0),
            label_mean=label_mean + state.y_shift.numpy(),
            label_std=label_std,
            is_flag=flag,
            pieces=found.pieces,
            mean=mean + state.x_shift.numpy(),
            std=std,
            r=found.r,
            r_low=found.low,
            r_high=found.high,
            error=found.error,
            p=found.p,
            why=found.why,
            differences=differences,
        )


def shape(n: Any, x: Any, xx: Any, x3: Any, x4: Any) -> tuple[np.ndarray, np.ndarray]:
    """Third and fourth standardized moments, from sums of powers about any shift near the mean; NaN for a constant."""
    with np.errstate(all="ignore"):
        m = x / n
        variance = xx / n - m**2
        variance = np.where(variance > 1e-10 * np.maximum(xx / np.maximum(n, 1), 1e-30), variance, np.nan)
        third = x3 / n - 3 * m * xx / n + 2 * m**3
        fourth = x4 / n - 4 * m * x3 / n + 6 * m**2 * xx / n - 3 * m**4
        return third / variance**1.5, fourth / variance**2


def _moved(
    powers: Float[Tensor, "order item"], squares: Tensor, firsts: Tensor, n: Tensor, by: Tensor
) -> Float[Tensor, "order item"]:
    """Sums of third and fourth powers about another shift, from those about the old one."""
    third, fourth = powers
    return torch.stack(
        [
            third + 3 * by * squares + 3 * by**2 * firsts + n * by**3,
            fourth + 4 * by * third + 6 * by**2 * squares + 4 * by**3 * firsts + n * by**4,
        ]
    )


def _differences(
    sums: Sums, flag: Bool[np.ndarray, " label"], span: Float[np.ndarray, " unit"]
) -> Float[np.ndarray, "measure bound unit label"]:
    """Differences of means with their intervals; NaN for labels that are numbers."""
    x, xx = sums.x[:, :, sums.family], sums.xx[:, :, sums.family]
    n, on = sums.n[:, None, :], sums.y[:, None, :]

    def statistics(n: np.ndarray, on: np.ndarray, x: np.ndarray, xx: np.ndarray, xy: np.ndarray) -> np.ndarray:
        difference = xy / on - (x - xy) / (n - on)
        std = np.sqrt(np.maximum(xx / n - (x / n) ** 2, 0.0))
        return np.stack([difference, difference / np.where(std > 0, std, np.nan), np.abs(difference) / span[:, None]])

    span = np.where(span > 0, span, np.nan)
    found = jackknife(statistics, (n, on, x, xx, sums.xy), np.broadcast_to(n, sums.xy.shape))
    whole = np.stack([found.value, found.low, found.high], 1)
    return np.where(flag & np.isfinite(found.value[:, None]), whole, np.nan)
