"""Difference between a unit's activity for one class and for the others."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from unitscope.errors import InputError
from unitscope.fold.analysis import Analysis, Given
from unitscope.models.site import Site
from unitscope.result import Column, Result
from unitscope.source.chunk import Chunk
from unitscope.views import Field, Histogram, Table, View

MOST_CLASSES = 1000


def class_selectivity(
    means: Float[np.ndarray, "class unit"], floor: Float[np.ndarray, " unit"] | float = 0.0
) -> Float[np.ndarray, " unit"]:
    """(μ_max − μ_rest) / (μ_max + μ_rest): 0 for a unit that treats classes alike, 1 for one that knows one only.

    μ_max is the largest class mean and μ_rest the mean of the others (Morcos et al. 2018, arXiv 1803.06959), both
    measured from ``floor``, the least that the unit can be: theirs were rectified units, which rest at 0. NaN where
    there are fewer than two classes, or a unit is always at its floor.
    """
    if len(means) < 2:
        return np.full(means.shape[1], math.nan)
    above = means - floor
    most = above.max(axis=0)
    rest = (above.sum(axis=0) - most) / (len(means) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        selectivity: Float[np.ndarray, " unit"] = (most - rest) / (most + rest)
    return selectivity


@dataclass
class ClassSums:
    """Sums and counts of activations by class, and each unit's least value."""

    site: Site
    sums: dict[float, Float[Tensor, " unit"]]
    counts: dict[float, int]
    least: Float[Tensor, " unit"]


@dataclass(frozen=True, eq=False)
class ClassSelectivityResult(Result):
    label: str
    classes: list[float]
    counts: list[int]
    """Tokens of each class."""
    means: Float[np.ndarray, "class unit"]
    selectivity: Float[np.ndarray, " unit"]
    """Of each unit, between 0 and 1; NaN where there are fewer than two classes."""
    preferred: Int[np.ndarray, " unit"]
    """Place of the class with the largest mean; −1 where there is none."""

    def columns(self) -> list[Column]:
        preferred = np.array([self.classes[place] if place >= 0 else math.nan for place in self.preferred])
        return [
            Column(f"selectivity, {self.label}", self.selectivity, f"how much one {self.label} stands out"),
            Column(f"preferred {self.label}", preferred, "the one with the largest mean"),
        ]

    def views(self, unit: int | None = None) -> list[View]:
        if unit is None:
            known = self.selectivity[np.isfinite(self.selectivity)]
            counts, edges = np.histogram(known.clip(0, 1), bins=20, range=(0.0, 1.0))
            title = f"Selectivity of units by {self.label}"
            return [Histogram(title, edges.tolist(), counts.astype(float).tolist(), "selectivity")]
        fields = [Field(self.label), Field("mean"), Field("tokens", "integer")]
        rows = [list(row) for row in zip(self.classes, self.means[:, unit].tolist(), self.counts, strict=True)]
        return [Table(f"Mean by {self.label} (selectivity {self.selectivity[unit]:.2f})", fields, rows)]


@dataclass(frozen=True)
class ClassSelectivity(Analysis[ClassSums]):
    """Class selectivity.

    How much more active a unit is for its preferred class than for the others (Morcos et al. 2018,
    arXiv 1803.06959): (μ_max − μ_rest) / (μ_max + μ_rest), from the least value that the unit can take, or if that
    has no bound the least that it took. It is no sign of importance: set it against the damage of ablation.
    """

    label: str = field(default="class", metadata={"help": "label whose values are the classes"})

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,)

    def start(self, site: Site, given: Given) -> ClassSums:
        return ClassSums(site, {}, {}, torch.full((site.units,), math.inf, dtype=torch.float64))

    def update(self, state: ClassSums, chunk: Chunk) -> None:
        if len(chunk) == 0:
            return
        classes = chunk.labels[self.label]
        activations = chunk.activations.double()
        state.least = torch.minimum(state.least, activations.amin(0).cpu())
        for value in classes[~classes.isnan()].unique().tolist():
            there = classes == value
            own = activations[there].sum(0).cpu()
            state.sums[value] = state.sums[value] + own if value in state.sums else own
            state.counts[value] = state.counts.get(value, 0) + int(there.sum())
        if len(state.sums) > MOST_CLASSES:
            raise InputError(f"{self.label} has more than {MOST_CLASSES} values, so it is no class")

    def merge(self, a: ClassSums, b: ClassSums) -> ClassSums:
        zeros = torch.zeros(a.site.units, dtype=torch.float64)
        values = sorted(a.sums.keys() | b.sums.keys())
        return ClassSums(
            a.site,
            {value: a.sums.get(value, zeros) + b.sums.get(value, zeros) for value in values},
            {value: a.counts.get(value, 0) + b.counts.get(value, 0) for value in values},
            torch.minimum(a.least, b.least),
        )

    def compute(self, state: ClassSums) -> ClassSelectivityResult:
        classes = sorted(state.sums)
        units = state.site.units
        means = np.zeros((0, units))
        if classes:
            means = np.stack([(state.sums[value] / state.counts[value]).numpy() for value in classes])
        floor = state.least.numpy() if math.isinf(state.site.low) else np.full(units, state.site.low)
        return ClassSelectivityResult(
            site=state.site.name,
            units=units,
            label=self.label,
            classes=classes,
            counts=[state.counts[value] for value in classes],
            means=means,
            selectivity=class_selectivity(means, floor),
            preferred=means.argmax(axis=0) if classes else np.full(units, -1),
        )
