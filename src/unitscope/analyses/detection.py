"""Detection of flags by units: counts of tokens above each unit's quantiles, with the flag and without.

AUC, IoU and mutual information are read from one table (``unitscope.evidence.counts``): how many tokens are above each
quantile of the unit. So AUC gives ties within a bin half a point; ``auc_error`` bounds what that can cost. Of quantiles
that are equal the lowest means "at least", so a unit that is exactly the flag is told from the rest whatever its ties.
A label that is a number counts as flagged above ``cut``; ask gives flags made of numbers by their medians.

The best quantile and side of an IoU must be chosen where units are chosen. So ``iou`` is a table of both sides at
every quantile, and no best one is named here.
"""

import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.analyses._buckets import runs
from unitscope.analyses.quantiles import LEVELS, Quantiles
from unitscope.errors import InputError
from unitscope.evidence import counts
from unitscope.evidence.jackknife import Estimate, Scale, jackknife
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Table, View


@dataclass
class Above:
    """Counts of one site, all exact."""

    site: Site
    sequences: int
    thresholds: Float[Tensor, "level unit"]
    n: Int[Tensor, "bucket label"]
    """Tokens where the label is defined."""
    on: Int[Tensor, "bucket label"]
    above: Int[Tensor, "bucket level label unit"]
    """Of the tokens where the label is defined those above the threshold."""
    above_on: Int[Tensor, "bucket level label unit"]


@dataclass(frozen=True, eq=False)
class DetectionResult(Result):
    labels: list[str]
    levels: list[float]
    sequences: int
    n: Int[np.ndarray, "bucket label"]
    on: Int[np.ndarray, "bucket label"]
    above: Int[np.ndarray, "bucket level label unit"]
    above_on: Int[np.ndarray, "bucket level label unit"]

    def _whole(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """n, on, above, above_on over all buckets: ``[unit label]``, the latter two with levels first."""
        n, on = (
            np.broadcast_to(part.sum(0)[None].astype(float), (self.units, len(self.labels)))
            for part in (self.n, self.on)
        )
        above, above_on = (part.sum(0).astype(float).swapaxes(1, 2) for part in (self.above, self.above_on))
        return n, on, above, above_on

    @property
    def prevalence(self) -> Float[np.ndarray, " label"]:
        """Share of the tokens where a label is defined that are flagged."""
        with np.errstate(all="ignore"):
            share: np.ndarray = self.on.sum(0) / self.n.sum(0)
        return share

    def auc(self) -> Float[np.ndarray, "unit label"]:
        """Chance that the unit is higher on a token with the flag than on one without; NaN without both."""
        return self._varying(counts.area(*self._whole()))

    def auc_error(self) -> Float[np.ndarray, "unit label"]:
        """The most that counting ties within a bin half can have cost."""
        return self._varying(counts.area_error(*self._whole()))

    def information(self) -> Float[np.ndarray, "unit label"]:
        """Bits that the unit's bin tells of the flag, less the bias of few tokens."""
        return self._varying(counts.information(*self._whole()))

    def precision(self) -> Float[np.ndarray, "unit label"]:
        """Average precision: Σ over bins, from the highest, of the recall gained times the precision so far."""
        return self._varying(counts.precision(*self._whole()))

    def iou(self, side: int) -> Float[np.ndarray, "level unit label"]:
        """Overlap of the flag with the tokens above each quantile (1), or not above it (−1)."""
        n, on, above, above_on = self._whole()
        return np.where(self._varies(), counts.overlap(n, on, above, above_on, side), np.nan)

    def iou_of(self, side: int, unit: int, label: int) -> Float[np.ndarray, " level"]:
        """The same of one pair."""
        n, on = self.n[:, label].sum().astype(float), self.on[:, label].sum().astype(float)
        above, above_on = (part[:, :, label, unit].sum(0).astype(float) for part in (self.above, self.above_on))
        if not ((above > 0) & (above < n)).any():
            return np.full(len(above), np.nan)
        found: np.ndarray = counts.overlap(n, on, above, above_on, side)
        return found

    def estimate(self, measure: str, unit: int, label: int, level: int = 0, side: int = 1) -> Estimate:
        """AUC, IoU at a quantile, precision or information of one pair, with its interval over the buckets."""
        parts = [
            self.n[:, label].astype(float), self.on[:, label].astype(float),
            self.above[:, :, label, unit].astype(float), self.above_on[:, :, label, unit].astype(float),
        ]  # fmt: skip
        read = {
            "auroc": counts.area,
            "precision": counts.precision,
            "information": counts.information,
            "iou": lambda n, on, above, above_on: counts.overlap(n, on, above, above_on, side)[level],
        }[measure]
        scale: Scale = "plain" if measure == "information" else "logit"
        return jackknife(read, parts, parts[0], scale, 0.5 if measure == "auroc" else 0.0)

    def _varies(self) -> np.ndarray:
        """``[unit label]``: False for a unit that is on one side of every threshold at all tokens of a label."""
        above, n = self.above.sum(0), self.n.sum(0)[None, :, None]
        varies: np.ndarray = ((above > 0) & (above < n)).any(0).T
        return varies

    def _varying(self, table: counts.Whole) -> Float[np.ndarray, "unit label"]:
        return np.where(self._varies(), table, np.nan)

    def columns(self) -> list[Column]:
        auc = self.auc()
        strength = np.where(np.isnan(auc), -1.0, np.abs(auc - 0.5))
        winner = strength.argmax(1)
        rows = np.arange(self.units)
        known = strength[rows, winner] >= 0
        names = np.array([self.labels[k] if ok else "" for k, ok in zip(winner, known, strict=True)])
        return [
            Column("best flag", names, "the flag whose AUC is farthest from one half", "text"),
            Column("its AUC", auc[rows, winner], "AUC of it, on all tokens: chosen, so too high"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        heads = [
            Field("label", "text"),
            Field("AUC", help="0.5 is chance; below 0.5 the unit is lower where the flag holds"),
            Field("precision", help="average precision; chance is the prevalence"),
            Field("bits", help="mutual information, less its bias"),
            Field("prevalence", "share", help="share of tokens with the flag"),
        ]
        tables = (self.auc(), self.precision(), self.information())
        if unit is not None:
            order = np.argsort(-np.abs(np.nan_to_num(tables[0][unit], nan=0.5) - 0.5), kind="stable")
            rows = [
                [self.labels[k], *(float(table[unit, k]) for table in tables), float(self.prevalence[k])] for k in order
            ]
            return [Table("Detection of each flag", heads, rows)]
        best = np.abs(np.nan_to_num(tables[0], nan=0.5) - 0.5).argmax(0)
        heads.insert(1, Field("unit", "unit"))
        rows = [
            [name, f"{self.site}/{u}", *(float(table[u, k]) for table in tables), float(self.prevalence[k])]
            for k, (name, u) in enumerate(zip(self.labels, best.tolist(), strict=True))
        ]
        return [Table("The best unit for each flag", heads, rows, note="chosen and scored on the same tokens")]


@dataclass(frozen=True)
class Detection(Analysis[Above]):
    """Detection.

    AUC, average precision, IoU at every quantile and mutual information of every unit with every flag.
    """

    asks: ClassVar[bool] = True

    of: tuple[str, ...] = field(default=(), metadata={"help": "what is asked: labels"})
    cut: float = field(default=0.5, metadata={"help": "a label above this is flagged"})
    groups: str = field(default="", metadata={"help": "label that numbers the buckets of evidence"})
    buckets: int = field(default=1, metadata={"help": "buckets of evidence; with 1 there are no intervals"})

    @property
    def needs(self) -> tuple[Analysis[Any], ...]:
        return (Quantiles(),)

    @property
    def labels(self) -> tuple[str, ...]:
        return (*self.of, self.groups) if self.groups else self.of

    def start(self, site: Site, given: Given) -> Above:
        if not self.of:
            raise InputError("detection needs labels, as in detection:of=digit+inside-parentheses")
        shape = (self.buckets, len(LEVELS), len(self.of), site.units)
        return Above(
            site=site,
            sequences=0,
            thresholds=torch.from_numpy(counts.told_apart(given[Quantiles()].values.astype(np.float32))),
            n=torch.zeros(self.buckets, len(self.of), dtype=torch.int64),
            on=torch.zeros(self.buckets, len(self.of), dtype=torch.int64),
            above=torch.zeros(shape, dtype=torch.int64),
            above_on=torch.zeros(shape, dtype=torch.int64),
        )

    def update(self, state: Above, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        x = chunk.activations.float()  # [token unit]
        y = torch.stack([chunk.labels[name] for name in self.of], 1).float()  # [token label]
        device, labels = x.device, len(self.of)
        defined = ~y.isnan()
        everywhere = bool(defined.all())
        flag = y > self.cut
        # Rows of what is counted: flags, then where labels are defined, which is one row where that is everywhere.
        counted = torch.cat([flag, defined[:, :1] if everywhere else defined], 1).T
        kind = torch.int8 if device.type == "cpu" else torch.float32
        counted, thresholds = counted.to(kind).contiguous(), state.thresholds.to(device)
        state.sequences += len(chunk.spans())
        for bucket, first, last in runs(chunk, self.groups, self.buckets):
            state.n[bucket] += defined[first:last].sum(0).cpu()
            state.on[bucket] += flag[first:last].sum(0).cpu()
            above = x.new_empty(last - first, x.shape[1], dtype=kind)
            for level, threshold in enumerate(thresholds):
                torch.gt(x[first:last], threshold, out=above)
                met = _meet(counted[:, first:last], above).cpu().long()
                state.above_on[bucket, level] += met[:labels]
                state.above[bucket, level] += met[labels:]  # one row serves all labels where it is defined everywhere

    def merge(self, a: Above, b: Above) -> Above:
        merged = copy.copy(a)
        for name in ("sequences", "n", "on", "above", "above_on"):
            setattr(merged, name, getattr(a, name) + getattr(b, name))
        return merged

    def compute(self, state: Above) -> DetectionResult:
        return DetectionResult(
            site=state.site.name,
            units=state.site.units,
            labels=list(self.of),
            levels=list(LEVELS),
            sequences=state.sequences,
            **{name: getattr(state, name).numpy().copy() for name in ("n", "on", "above", "above_on")},
        )


def _meet(rows: Tensor, units: Tensor) -> Tensor:
    """Count of steps where each row ``[row step]`` and each unit ``[step unit]``, both of zeros and ones, are both one.

    On a processor as eight-bit integers, which are as exact as floats and seven times as fast.
    """
    return torch._int_mm(rows, units) if rows.dtype == torch.int8 else rows @ units
