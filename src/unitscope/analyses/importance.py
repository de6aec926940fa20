"""What the model loses without each unit."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from unitscope.analysis import Analysis
from unitscope.models.site import Site
from unitscope.recording.chunk import Chunk
from unitscope.result import Column, Result
from unitscope.view import Field, Series, Table, View
from unitscope.view import Lines as Chart


@dataclass
class Sums:
    """Over sequences, in float64: s is a sequence's sum of damages, n its number of predictions."""

    site: Site
    sequences: float
    n: float
    nn: float
    s: Float[Tensor, " unit"]
    sn: Float[Tensor, " unit"]
    ss: Float[Tensor, " unit"]
    where: Float[Tensor, "label unit"]
    """Sums of damages where each label is set."""
    where_n: Float[Tensor, " label"]


@dataclass(frozen=True, eq=False)
class ImportanceResult(Result):
    measure: str
    predictions: int
    mean: Float[np.ndarray, " unit"]
    """What a prediction costs more without the unit."""
    low: Float[np.ndarray, " unit"]
    high: Float[np.ndarray, " unit"]
    """The 95 % interval, with sequences as the evidence; NaN for fewer than three."""
    labels: list[str]
    where: Float[np.ndarray, "label unit"]
    """The same where a label is set."""
    elsewhere: Float[np.ndarray, "label unit"]

    def columns(self) -> list[Column]:
        own = [
            Column(f"{self.measure} damage", self.mean, f"rise of the {self.measure} without the unit, per prediction"),
            Column(f"{self.measure} damage low", self.low, "lower end of its 95 % interval over sequences"),
            Column(f"{self.measure} damage high", self.high, "upper end of its 95 % interval over sequences"),
        ]
        for name, here, there in zip(self.labels, self.where, self.elsewhere, strict=True):
            own.append(Column(f"{self.measure} damage, {name}", here, f"the same where {name}"))
            own.append(Column(f"{self.measure} damage, not {name}", there, f"the same elsewhere than {name}"))
        return own

    def views(self, unit: int | None = None) -> list[View]:
        title = f"Rise of the {self.measure} without the unit"
        if unit is None:
            order = np.argsort(-self.mean, kind="stable")
            x = [float(rank) for rank in range(self.units)]
            line = Series("damage", self.mean[order].tolist(), self.low[order].tolist(), self.high[order].tolist())
            return [
                Chart(f"{title}, from worst to least", x, [line], "rank of the unit", f"rise of the {self.measure}")
            ]
        rows: list[list[Any]] = [["everywhere", float(self.mean[unit]), float(self.low[unit]), float(self.high[unit])]]
        for name, here, there in zip(self.labels, self.where, self.elsewhere, strict=True):
            rows.append([name, float(here[unit]), math.nan, math.nan])
            rows.append([f"not {name}", float(there[unit]), math.nan, math.nan])
        fields = [Field("where", "text"), Field("rise"), Field("low"), Field("high")]
        return [Table(title, fields, rows, note=f"{self.predictions:,} predictions")]


@dataclass(frozen=True)
class Importance(Analysis[Sums]):
    """Importance.

    How much worse the model predicts without a unit: with its value held while everything that follows is
    computed again. Read from a source of damages (``Ablated``), whose value for a token and a unit is what this
    prediction costs more. Intervals take sequences as the independent pieces of evidence.
    """

    measure: str = field(
        default="loss", metadata={"help": "loss, error (1 for a wrong class), or deviation (absolute)"}
    )
    where: tuple[str, ...] = field(default=(), metadata={"help": "labels whose damage is also told apart"})

    @property
    def labels(self) -> tuple[str, ...]:
        return (f"has-{self.measure}", *self.where)

    def start(self, site: Site, given: Mapping[str, Any]) -> Sums:
        zeros = torch.zeros(site.units, dtype=torch.float64)
        table = torch.zeros(len(self.where), site.units, dtype=torch.float64)
        return Sums(site, 0.0, 0.0, 0.0, zeros, zeros, zeros, table, torch.zeros(len(self.where), dtype=torch.float64))

    def update(self, state: Sums, chunk: Chunk) -> None:
        known = chunk.labels[f"has-{self.measure}"].double()  # [token]
        values = chunk.activations.double() * known[:, None]  # [token unit]
        for first, stop in chunk.spans():
            n = float(known[first:stop].sum())
            s = values[first:stop].sum(0).cpu()
            state.sequences += n > 0
            state.n += n
            state.nn += n * n
            state.s = state.s + s
            state.sn = state.sn + n * s
            state.ss = state.ss + s * s
        if self.where:
            flags = (
                torch.stack([chunk.labels[name].double() for name in self.where]).nan_to_num() > 0.5
            )  # [label token]
            state.where = state.where + (flags.double() @ values).cpu()
            state.where_n = state.where_n + (flags.double() @ known).cpu()

    def merge(self, a: Sums, b: Sums) -> Sums:
        names = [part.name for part in dataclasses.fields(a)][1:]
        return Sums(a.site, *(getattr(a, name) + getattr(b, name) for name in names))

    def compute(self, state: Sums) -> ImportanceResult:
        n = state.n or math.nan
        mean = state.s / n
        # A ratio of sums over sequences; its variance is that of s − mean·n.
        spread = (state.ss - 2 * mean * state.sn + mean**2 * state.nn).clamp(min=0).sqrt() / n
        count = state.sequences
        width = spread * (
            float(stats.t.ppf(0.975, count - 1)) * (count / (count - 1)) ** 0.5 if count > 2 else math.nan
        )
        there = (state.n - state.where_n)[:, None]
        return ImportanceResult(
            site=state.site.name,
            units=state.site.units,
            measure=self.measure,
            predictions=round(state.n),
            mean=mean.numpy(),
            low=(mean - width).numpy(),
            high=(mean + width).numpy(),
            labels=list(self.where),
            where=_ratio(state.where, state.where_n[:, None]),
            elsewhere=_ratio(state.s - state.where, there),
        )


def _ratio(total: Tensor, count: Tensor) -> np.ndarray:
    """NaN for nothing."""
    values: np.ndarray = torch.where(count > 0, total / count.clamp(min=1e-300), math.nan).numpy()
    return values
