"""Loss of a model without a group of units, against random groups of the same size.

A group that a probe found is one that carries something; whether the model uses it is another question, and a random
group of the same size is its control.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from unitscope.corpus.corpus import Corpus
from unitscope.errors import InputError
from unitscope.models.edit import Edit
from unitscope.models.model import Model
from unitscope.source.live import Live
from unitscope.source.source import ALL

Measure = Literal["loss", "symbols", "sequences"]
"""Nats per target; share of the targets that are missed; share of the sequences with a target that is missed."""
_READ: dict[Measure, str] = {"loss": "output.loss", "symbols": "output.correct", "sequences": "output.correct"}


@dataclass(frozen=True, eq=False)
class GroupDamage:
    """A cost with the model intact, without the group, and without random groups. More is worse."""

    site: str
    units: tuple[int, ...]
    measure: Measure
    intact: float
    without: float
    random: Float[np.ndarray, " draw"]

    @property
    def damage(self) -> float:
        """Cost of the group."""
        return self.without - self.intact

    @property
    def excess(self) -> float:
        """Cost of the group minus the mean cost of a random group."""
        return self.without - float(self.random.mean())

    @property
    def p(self) -> float:
        """Share of the groups, this one among them, that cost at least as much."""
        return (1 + int((self.random >= self.without).sum())) / (1 + len(self.random))


def group_damage(
    model: Model,
    corpus: Corpus,
    site: str,
    units: Sequence[int],
    values: Sequence[float],
    *,
    measure: Measure = "loss",
    draws: int = 20,
    seed: int = 0,
    sequences: Sequence[int] = ALL,
    batch_size: int = 256,
) -> GroupDamage:
    """Hold a group of units at ``values``, one for each unit of the site, usually the means; then random groups.

    Random groups are drawn from all units of the site. Memory holds a batch. Raises ``InputError`` for a site or unit
    that does not exist, values of another number, a model without the measure, and a corpus without targets.
    """
    if _READ[measure] not in {known.name for known in model.sites()}:
        raise InputError(f"{model.name} has no {_READ[measure]}, so {measure} cannot be read")
    if not 0 < len(set(units)) == len(units):
        raise InputError("a group has at least one unit, and each of them once")
    if any(not 0 <= unit < len(values) for unit in units) or draws < 1:
        raise InputError(f"a group is of units 0 to {len(values) - 1}, one value for each, with at least one draw")

    def cost(group: Sequence[int]) -> float:
        edit = Edit(site, tuple(group), tuple(float(values[unit]) for unit in group))
        return _cost(Live(model, corpus, batch_size, (edit,) if group else (), sequences), measure)

    generator = np.random.default_rng(seed)
    chosen = [generator.choice(len(values), len(units), replace=False).tolist() for _ in range(draws)]
    return GroupDamage(site, tuple(units), measure, cost(()), cost(units), np.array([cost(group) for group in chosen]))


def _cost(source: Live, measure: Measure) -> float:
    read, total, count = _READ[measure], 0.0, 0
    for first in range(0, len(source.sequences), source.batch_size):
        numbers = source.sequences[first : first + source.batch_size]
        batch = source.corpus.batch(numbers)
        (chunks,) = source.chunks([read], (), numbers)
        chunk = chunks[read]
        known = batch.has_target[batch.counted]
        values = chunk.activations[:, 0].cpu().double()
        if measure == "loss":
            total, count = total + float(values[known].sum()), count + int(known.sum())
            continue
        missed = (values < 0.5) & known
        if measure == "sequences":
            rows = torch.unique_consecutive(chunk.sequence.cpu(), return_inverse=True)[1]
            some = torch.zeros(len(numbers), dtype=torch.bool)
            some[rows[missed]] = True
            total, count = total + int(some.sum()), count + len(numbers)
        else:
            total, count = total + int(missed.sum()), count + int(known.sum())
    if not count:
        raise InputError(f"{source.corpus.name} gives no targets, so nothing can be missed")
    return total / count
