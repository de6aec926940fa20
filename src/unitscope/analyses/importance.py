"""Loss of the model without each unit."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from unitscope.errors import InputError
from unitscope.evidence.ratio import from_moments
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Heatmap, Series, Table, View
from unitscope.views import Lines as Chart

WORST = 24
"""Units of a heat map."""
MOST_VALUES = 64
"""Values of a label that damage is told apart by."""


@dataclass(frozen=True)
class Part:
    """Some of the tokens; over sequences, in float64: s is a sequence's sum of damages, n its number of predictions."""

    sequences: float
    n: float
    nn: float
    s: Float[Tensor, " unit"]
    sn: Float[Tensor, " unit"]
    ss: Float[Tensor, " unit"]

    def __add__(self, other: "Part") -> "Part":
        names = [field.name for field in dataclasses.fields(self)]
        return Part(*(getattr(self, name) + getattr(other, name) for name in names))

    def interval(self) -> Float[np.ndarray, "end unit"]:
        """Mean per prediction, and the ends of its 95 % interval."""
        sums = (self.s.numpy(), self.sn.numpy(), self.ss.numpy())
        return np.stack(from_moments(self.sequences, self.n, self.nn, *sums))


def none(units: int) -> Part:
    """No tokens at all."""
    zeros = torch.zeros(units, dtype=torch.float64)
    return Part(0.0, 0.0, 0.0, zeros, zeros, zeros)


@dataclass
class Sums:
    """Sums over all tokens, and over those with each label."""

    site: Site
    parts: dict[str, Part]
    """By what is said of the tokens; the empty name is everywhere."""


@dataclass(frozen=True, eq=False)
class ImportanceResult(Result):
    measure: str
    change: str
    """What became of the units, in words; empty if nobody said."""
    predictions: int
    mean: Float[np.ndarray, " unit"]
    """What a prediction costs more without the unit."""
    low: Float[np.ndarray, " unit"]
    high: Float[np.ndarray, " unit"]
    """The 95 % interval, with sequences as the evidence; NaN for fewer than three."""
    parts: list[str]
    """Tokens that are also told apart: ``inside-quotes``, ``not inside-quotes``, ``class = 3``."""
    counts: list[int]
    """Predictions of each part."""
    part_mean: Float[np.ndarray, "part unit"]
    part_low: Float[np.ndarray, "part unit"]
    part_high: Float[np.ndarray, "part unit"]

    def part(self, name: str) -> Float[np.ndarray, " unit"]:
        """The mean over some of the tokens."""
        found: Float[np.ndarray, " unit"] = self.part_mean[self.parts.index(name)]
        return found

    def columns(self) -> list[Column]:
        damage = f"{self.measure} damage" + (f" ({self.change})" if self.change else "")
        own = [
            Column(damage, self.mean, f"rise of the {self.measure} without the unit, per prediction"),
            Column(f"{damage} low", self.low, "lower end of its 95 % interval over sequences"),
            Column(f"{damage} high", self.high, "upper end of its 95 % interval over sequences"),
        ]
        for name, values in zip(self.parts, self.part_mean, strict=True):
            own.append(Column(f"{damage}, {name}", values, f"the same where {name}"))
        return own

    def views(self, unit: int | None = None) -> list[View]:
        title = f"Rise of the {self.measure} without the unit" + (f" ({self.change})" if self.change else "")
        if unit is None:
            order = np.argsort(-self.mean, kind="stable")
            x = [float(rank) for rank in range(self.units)]
            line = Series("damage", self.mean[order].tolist(), self.low[order].tolist(), self.high[order].tolist())
            shown: list[View] = [
                Chart(f"{title}, from worst to least", x, [line], "rank of the unit", f"rise of the {self.measure}")
            ]
            return [*shown, self._by_part(order[:WORST])] if self.parts else shown
        rows: list[list[Any]] = [
            ["everywhere", float(self.mean[unit]), float(self.low[unit]), float(self.high[unit]), self.predictions]
        ]
        for number, name in enumerate(self.parts):
            told = [float(values[number, unit]) for values in (self.part_mean, self.part_low, self.part_high)]
            rows.append([name, *told, self.counts[number]])
        fields = [
            Field("where", "text"),
            Field("rise"),
            Field("low", help="lower end of the 95 % interval over sequences"),
            Field("high", help="upper end"),
            Field("predictions", "integer"),
        ]
        return [Table(title, fields, rows)]

    def _by_part(self, units: np.ndarray) -> Heatmap:
        values = self.part_mean[:, units]
        most = float(np.nanmax(np.abs(values), initial=1e-12))
        return Heatmap(
            f"Rise of the {self.measure} by what is predicted, for the units that are missed most",
            self.parts,
            [f"{self.site}/{unit}" for unit in units],
            values.tolist(),
            -most,
            most,
            "unit",
            "tokens",
        )


@dataclass(frozen=True)
class Importance(Analysis[Sums]):
    """Importance.

    How much worse the model predicts without a unit: with its value held while everything that follows is
    computed again. Read from a source of damages, whose value for a token and a unit is what this
    prediction costs more. Intervals take sequences as the independent pieces of evidence.
    """

    measure: str = field(
        default="loss", metadata={"help": "loss, error (1 for a wrong class), or deviation (absolute)"}
    )
    where: tuple[str, ...] = field(default=(), metadata={"help": "flags: damage where they hold, and elsewhere"})
    by: str = field(default="", metadata={"help": "a label of few values: damage at each of them"})
    change: str = field(default="", metadata={"help": "what became of the units, in words, for the reader"})

    @property
    def labels(self) -> tuple[str, ...]:
        return (f"has-{self.measure}", *self.where, *filter(None, [self.by]))

    def start(self, site: Site, given: Given) -> Sums:
        flags = [part for name in self.where for part in (name, f"not {name}")]
        return Sums(site, {name: none(site.units) for name in ["", *flags]})

    def update(self, state: Sums, chunk: Chunk) -> None:
        known = chunk.labels[f"has-{self.measure}"] > 0.5  # [token]
        masks = {"": known}
        for name in self.where:
            flag = chunk.labels[name].nan_to_num() > 0.5
            masks |= {name: known & flag, f"not {name}": known & ~flag}
        if self.by:
            values = chunk.labels[self.by]
            for value in values[known & ~values.isnan()].unique().tolist():
                masks[f"{self.by} = {value:g}"] = known & (values == value)
        damage = chunk.activations.double()  # [token unit]
        for name, mask in masks.items():
            state.parts[name] = state.parts.get(name, none(state.site.units)) + _part(damage, mask, chunk)
        self._check(state)

    def merge(self, a: Sums, b: Sums) -> Sums:
        empty = none(a.site.units)
        names = dict.fromkeys([*a.parts, *b.parts])
        merged = Sums(a.site, {name: a.parts.get(name, empty) + b.parts.get(name, empty) for name in names})
        self._check(merged)
        return merged

    def compute(self, state: Sums) -> ImportanceResult:
        everywhere = state.parts[""]
        mean, low, high = everywhere.interval()
        fixed = [part for name in self.where for part in (name, f"not {name}")]
        by_value = (name for name in state.parts if name and name not in fixed)
        names = fixed + sorted(by_value, key=lambda name: float(name.removeprefix(f"{self.by} = ")))
        told = np.zeros((3, len(names), state.site.units))
        for k, name in enumerate(names):
            told[:, k] = state.parts[name].interval()
        return ImportanceResult(
            site=state.site.name,
            units=state.site.units,
            measure=self.measure,
            change=self.change,
            predictions=round(everywhere.n),
            mean=mean,
            low=low,
            high=high,
            parts=names,
            counts=[round(state.parts[name].n) for name in names],
            part_mean=told[0],
            part_low=told[1],
            part_high=told[2],
        )

    def _check(self, state: Sums) -> None:
        if len(state.parts) > 1 + 2 * len(self.where) + MOST_VALUES:
            raise InputError(
                f"{self.by} has more than {MOST_VALUES} values; damage is told apart by labels of few values"
            )


def _part(damage: Float[Tensor, "token unit"], mask: Bool[Tensor, " token"], chunk: Chunk) -> Part:
    spans = chunk.spans()
    row = torch.repeat_interleave(
        torch.arange(len(spans), device=mask.device),
        torch.tensor([stop - first for first, stop in spans], device=mask.device, dtype=torch.long),
    )
    s = damage.new_zeros(len(spans), damage.shape[1]).index_add_(0, row[mask], damage[mask]).cpu()  # [sequence unit]
    n = torch.bincount(row[mask], minlength=len(spans)).double().cpu()
    return Part(float((n > 0).sum()), float(n.sum()), float(n @ n), s.sum(0), n @ s, s.square().sum(0))
