"""Ablating more and more units at once, in a ranked and in random orders (Morcos et al. 2018, arXiv 1803.06959)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from unitscope.errors import InputError
from unitscope.files.damage import damaged
from unitscope.files.jsons import read_json, write_json
from unitscope.interventions.ablated import Ablated
from unitscope.views import Lines, Series

FILE = "curves.json"


@dataclass(frozen=True, eq=False)
class Cumulative:
    """Damage per prediction against the number of units ablated."""

    site: str
    measure: str
    counts: list[int]
    ranked: Float[np.ndarray, " count"]
    random: Float[np.ndarray, "repeat count"]

    @property
    def area(self) -> float:
        """Mean damage along the ranked curve: the area under it, over the share of units ablated."""
        return _area(self.counts, self.ranked)

    @property
    def random_area(self) -> float:
        """The same for the random orders, on average."""
        return float(self.random_areas.mean())

    @property
    def random_areas(self) -> Float[np.ndarray, " repeat"]:
        """Area under the curve of each random order."""
        return np.array([_area(self.counts, curve) for curve in self.random])

    @property
    def p(self) -> float:
        """Share of the orders, the ranked one among them, with at least its area."""
        return (1 + int((self.random_areas >= self.area).sum())) / (1 + len(self.random))

    def view(self) -> Lines:
        """Both kinds of order over one axis."""
        random = Series(
            "random orders",
            self.random.mean(axis=0).tolist(),
            self.random.min(axis=0).tolist(),
            self.random.max(axis=0).tolist(),
        )
        x = [float(count) for count in self.counts]
        areas = f"area {self.area:.4g} ranked, {self.random_area:.4g} random (p = {self.p:.2g})"
        title = f"Damage by the number of units ablated: {self.site}"
        ranked = Series("worst first", self.ranked.tolist())
        return Lines(
            title,
            x,
            [ranked, random],
            "units ablated",
            f"rise of the {self.measure}",
            f"{areas}; the band holds all orders",
        )


@dataclass(frozen=True)
class Kept:
    """A curve as it is kept."""

    site: str
    measure: str
    counts: list[int]
    ranked: list[float]
    random: list[list[float]]


@dataclass(frozen=True)
class Curves:
    curves: tuple[Kept, ...]


def save_curves(curves: Sequence[Cumulative], folder: Path) -> None:
    """Keep curves beside a recording."""
    plain = (Kept(c.site, c.measure, c.counts, c.ranked.tolist(), c.random.tolist()) for c in curves)
    write_json(folder / FILE, Curves(tuple(plain)))


def load_curves(folder: Path) -> list[Cumulative]:
    """Those that were kept; none where there are none. Raises ``InputError`` for a damaged file."""
    if not (folder / FILE).exists():
        return []
    kept = read_json(folder / FILE, Curves, "run unitscope ablate again").curves
    if any(len({*map(len, c.random), len(c.ranked), len(c.counts)}) > 1 or not c.counts or not c.random for c in kept):
        raise damaged(folder / FILE, "its curves have several lengths, or none", "run unitscope ablate again")
    return [Cumulative(c.site, c.measure, c.counts, np.array(c.ranked), np.array(c.random)) for c in kept]


def cumulative(
    source: Ablated, order: Sequence[int], counts: Sequence[int] | None = None, repeats: int = 5, seed: int = 0
) -> Cumulative:
    """Ablate the first units of ``order``, as many as ``counts`` says (default: ten sizes up to all).

    ``repeats`` random orders stand beside it. Raises ``InputError`` for an order that is none.
    """
    units = source.sites[0].units
    if sorted(order) != list(range(units)):
        raise InputError(f"an order of {source.site} names each of its {units} units once")
    sizes = sorted({round(size) for size in np.linspace(0, units, min(units, 10) + 1)} if counts is None else counts)
    if sizes[0] < 0 or sizes[-1] > units:
        raise InputError(f"{source.site} has {units} units, so between 0 and {units} can be ablated")
    draw = np.random.default_rng(seed)
    orders = [list(order), *(draw.permutation(units).tolist() for _ in range(repeats))]
    damage = damage_of_sets(source, [some[:size] for some in orders for size in sizes]).reshape(len(orders), len(sizes))
    return Cumulative(source.site, source.measure, sizes, damage[0], damage[1:])


def damage_of_sets(source: Ablated, sets: Sequence[Sequence[int]]) -> Float[np.ndarray, " set"]:
    """Mean damage per prediction of ablating each set of units, every one by a run of its own."""
    total, predictions = torch.zeros(len(sets), dtype=torch.float64), 0
    for first in range(0, len(source.sequences), source.batch_size):
        batch = source.corpus.batch(source.sequences[first : first + source.batch_size]).to(source.model.device)
        counted = batch.counted & batch.has_target
        predictions += int(counted.sum())
        total += torch.stack([damage[counted].double().sum().cpu() for damage in source.damages(batch, sets)])
    if not predictions:
        raise InputError(f"{source.corpus.name} gives no targets on the chosen sequences, so there is no damage")
    return np.asarray(total.numpy() / predictions)


def _area(counts: Sequence[int], damage: Float[np.ndarray, " count"]) -> float:
    span = counts[-1] - counts[0]
    return float(np.trapezoid(damage, counts) / span) if span else float(damage[0])
