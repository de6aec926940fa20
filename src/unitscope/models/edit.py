"""An intervention written as data: which units, what value instead, and where.

An ``Edit`` names no tensors of a batch, so it can be compared, printed and kept. ``bind`` (``models/bind.py``) makes a
``Bound`` of it for one batch, and that is what the layers apply.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Scaled:
    """Each unit times a factor of its own: 0 silences it, 2 doubles it."""

    factors: tuple[float, ...]


@dataclass(frozen=True)
class Resampled:
    """The units' values in another sequence of the corpus, at the same step.

    Which one is drawn by ``seed`` and the sequence's number alone, from sequences at least as long where there are any;
    a shorter one is read round and round.
    """

    seed: int = 0


@dataclass(frozen=True)
class Projected:
    """x ↦ x − (x − mean) M: what M finds in the units' vector is taken away (LEACE, INLP, amnesic probing).

    ``matrix`` is ``[unit unit]`` in rows, for row vectors.
    """

    matrix: tuple[tuple[float, ...], ...]
    mean: tuple[float, ...]


@dataclass(frozen=True)
class Added:
    """A value is added to each unit: a direction, where they are all units of a site (steering)."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Steps:
    """Only in a window of counted steps, from ``start`` to before ``stop``; to the end if that is None."""

    start: int
    stop: int | None = None


@dataclass(frozen=True)
class Where:
    """Only at tokens whose label, an annotation of the corpus or a hypothesis, has this value."""

    label: str
    value: float = 1.0


@dataclass(frozen=True)
class Edit:
    """Put other values into units of a site.

    The model computes everything downstream from them, in this step and the later ones. Several edits of one site
    act one after the other.
    """

    site: str
    units: tuple[int, ...]
    values: tuple[float, ...] | Scaled | Added | Resampled | Projected
    """One constant for each unit, or where the values come from."""
    where: Steps | Where | None = None
    """None: at every step, in context and padding too; constants are then held in a layer's initial state as well."""

    def __post_init__(self) -> None:
        match self.values:
            case Resampled():
                return
            case Scaled(given) | Added(given):
                counts = [len(given)]
            case Projected(matrix, mean):
                counts = [len(mean), len(matrix), *map(len, matrix)]
            case given:
                counts = [len(given)]
        wrong = [count for count in counts if count != len(self.units)]
        if wrong:
            raise ValueError(f"{len(self.units)} units but {wrong[0]} values")


def zero(site: str, units: Sequence[int], where: Steps | Where | None = None) -> Edit:
    """Silence the units."""
    return Edit(site, tuple(units), (0.0,) * len(units), where)


def project(
    site: str,
    matrix: Float[Tensor, "unit unit"],
    mean: Float[Tensor, " unit"],
    where: Steps | Where | None = None,
) -> Edit:
    """Take away from all units of a site what ``matrix`` finds in their vector: x ↦ x − (x − mean) M."""
    rows = tuple(tuple(row) for row in matrix.tolist())
    return Edit(site, tuple(range(len(rows))), Projected(rows, tuple(mean.tolist())), where)


def add(site: str, direction: Float[Tensor, " unit"], where: Steps | Where | None = None) -> Edit:
    """Add a direction to all units of a site: x ↦ x + direction."""
    values = tuple(direction.tolist())
    return Edit(site, tuple(range(len(values))), Added(values), where)


@dataclass(frozen=True, eq=False)
class Bound:
    """An edit on one batch: x ↦ x · keep + add in some units, at the steps where it holds."""

    site: str
    units: Int[Tensor, " held"]
    add: Float[Tensor, "*steps held"]
    """One value for each unit, or for each step ``[batch time held]`` and unit."""
    keep: Float[Tensor, "held held"] | None = None
    """None where nothing stays of the old values."""
    where: Bool[Tensor, "..."] | None = None
    """The steps ``[batch time]`` where it holds; None for all."""

    @property
    def constant(self) -> bool:
        """Whether the units have the same values at every step, whatever happens."""
        return self.keep is None and self.where is None and self.add.dim() == 1

    def only(self, places: Sequence[int]) -> "Bound":
        """Some of its units alone, by their places among them."""
        chosen = torch.tensor(list(places), dtype=torch.long, device=self.units.device)
        keep = None if self.keep is None else self.keep[chosen][:, chosen]
        return dataclasses.replace(self, units=self.units[chosen], add=self.add[..., chosen], keep=keep)

    def at(self, steps: Any) -> "Bound":
        """The part of an indexed piece of the batch, such as some rows or one step."""
        if self.where is None and self.add.dim() == 1:
            return self
        return self.over(lambda values: values[steps])

    def over(self, arrange: Any) -> "Bound":
        """The same with what is told by step put into another order."""
        add = self.add if self.add.dim() == 1 else arrange(self.add)
        return dataclasses.replace(self, add=add, where=None if self.where is None else arrange(self.where))

    def apply(self, stream: Float[Tensor, "*steps unit"]) -> None:
        """Overwrite the units, in place."""
        values = self.add.to(stream)
        if self.keep is not None:
            values = stream[..., self.units] @ self.keep.to(stream) + values
        if self.where is not None:
            values = torch.where(self.where.unsqueeze(-1), values, stream[..., self.units])
        stream[..., self.units] = values
