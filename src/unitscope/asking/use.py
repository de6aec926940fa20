"""Whether the model uses a unit: what holding it at its mean costs where its label holds, against elsewhere."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from unitscope.asking.answer import Found, Question
from unitscope.asking.pieces import Side
from unitscope.asking.units import Units
from unitscope.asking.work import Crew, Desk
from unitscope.evidence.used import CONTROLS, Costs, nearest, verdicts
from unitscope.fold.state import Packed, pack, unpack
from unitscope.interventions.ablation import Bench, ChangeSums, Damage
from unitscope.models.edit import Edit
from unitscope.models.predictions import LOSS
from unitscope.progress import Progress
from unitscope.source.source import digest

UNITS = 4
"""Ablated in one task."""
_Unit = tuple[str, int]
"""A site and the number of a unit."""


@dataclass(frozen=True)
class Sample:
    """On what ablations are tried."""

    sequences: tuple[int, ...]
    labels: tuple[str, ...]
    groups: tuple[int, ...]
    """Of each sequence the number of its piece of evidence."""

    def bench(self, desk: Desk) -> Bench:
        """Made once."""
        if self not in desk.kept:
            columns = desk.columns
            flags = dict(zip(columns.names, columns.flags(), strict=True))
            holds = {
                name: torch.cat([columns.values(flags[name], number) for number in self.sequences]) > 0.5
                for name in self.labels
            }
            live = desk.running
            desk.kept[self] = Bench(live.model, live.corpus, self.sequences, holds, groups=self.groups)
        found: Bench = desk.kept[self]
        return found


@dataclass(frozen=True)
class Ablating:
    """Some units, each held at a value."""

    on: Sample
    held: tuple[tuple[str, int, float], ...]

    def key(self, desk: Desk) -> str:
        return digest(repr(self), desk.running.content(self.on.sequences), desk.columns.digest)

    def done(self, desk: Desk) -> Packed:
        return pack(self.on.bench(desk).sums([[Edit(site, (unit,), (value,))] for site, unit, value in self.held]))


def measured(
    found: Sequence[Found],
    question: Question,
    crew: Crew,
    side: Side,
    means: Mapping[str, Float[np.ndarray, " unit"]],
    stds: Mapping[str, Float[np.ndarray, " unit"]],
    progress: Progress,
) -> tuple[list[Found], float | None]:
    """The pairs with what their ablation says; only units that pass every other test are ablated.

    Random units are ablated beside those alone whose cost is significant. None in place of the intact loss for a model
    that predicts nothing, or where no unit is ablated.
    """
    desk, source = crew.desk, crew.desk.source
    passing = [one for one in found if not one.failed(question)]
    if not passing or desk.model is None or LOSS not in {site.name for site in desk.model.sites()}:
        return list(found), None
    count = max(1, len(side.sequences) // question.ablation_sequences)
    sequences = side.sequences[::count][: question.ablation_sequences]
    labels = tuple(dict.fromkeys(one.label for one in passing))
    on = Sample(sequences, labels, tuple(side.bucket[number] for number in sequences))
    bench = on.bench(desk)
    place = {site: {int(number): at for at, number in enumerate(numbers)} for site, numbers in source.chosen.items()}
    found_of: dict[_Unit, tuple[Damage, Costs]] = {}

    def ablate(units: Sequence[_Unit], what: str) -> None:
        held = [(site, unit, float(means[site][place[site][unit]])) for site, unit in sorted(units)]
        tasks = [Ablating(on, tuple(held[first : first + UNITS])) for first in range(0, len(held), UNITS)]
        done = 0

        def tell(number: int) -> None:
            nonlocal done
            done += len(tasks[number].held)
            progress(what, done, len(held))

        for task, packed in zip(tasks, crew.each(tasks, tell), strict=True):
            sums = bench.read(unpack(ChangeSums, packed))
            found_of.update({(site, unit): one for (site, unit, _), one in zip(task.held, sums, strict=True)})

    def contrasts(units: Sequence[_Unit]) -> dict[_Unit, Float[np.ndarray, " label"]]:
        return {unit: found_of[unit][1].contrast().value for unit in units}

    own_units = [(one.site, one.unit) for one in passing]
    at = [labels.index(one.label) for one in passing]
    ablate(list(dict.fromkeys(own_units)), "ablating units")
    p = np.array([found_of[unit][1].p()[k] for unit, k in zip(own_units, at, strict=True)])
    own = [contrasts([unit])[unit][k] for unit, k in zip(own_units, at, strict=True)]
    others = np.full((CONTROLS, len(passing)), math.nan)
    _, q = verdicts(p, np.array(own), others, question.fdr)
    significant = list(dict.fromkeys(unit for unit, one in zip(own_units, q, strict=True) if one <= question.fdr))
    random = _controls(significant, own_units, stds, source, question.seed)
    drawn = dict.fromkeys(unit for units in random.values() for unit in units)
    ablate([unit for unit in drawn if unit not in found_of], "ablating random units")
    contrast = contrasts(list(drawn))
    for column, (unit, k) in enumerate(zip(own_units, at, strict=True)):
        controls = random.get(unit, [])
        others[: len(controls), column] = [contrast[control][k] for control in controls]
    said, q = verdicts(p, np.array(own), others, question.fdr)
    known = {
        (one.label, one.address): (found_of[unit][0], said[n], float(q[n]), _largest(others[:, n]))
        for n, (one, unit) in enumerate(zip(passing, own_units, strict=True))
    }
    marked = []
    for one in found:
        if (one.label, one.address) not in known:
            marked.append(one)
            continue
        cost, verdict, rate, largest = known[one.label, one.address]
        marked.append(replace(one, damage=cost, used=verdict, used_q=rate, random_contrast=largest))
    return marked, bench.intact()


def _controls(
    units: Sequence[_Unit],
    found: Sequence[_Unit],
    stds: Mapping[str, Float[np.ndarray, " unit"]],
    source: Units,
    seed: int,
) -> dict[_Unit, list[_Unit]]:
    """Random units of the same site and of similar activity for each unit, none of them found to follow something.

    Units of one site take theirs in one order, so that they share as many as can be: each of them is one run.
    """
    random: dict[_Unit, list[_Unit]] = {}
    for site, unit in units:
        numbers = source.chosen[site].tolist()
        taken = [numbers.index(other) for where, other in found if where == site and other != unit]
        near = set(nearest(stds[site], numbers.index(unit), taken, 4 * CONTROLS).tolist())
        order = np.random.default_rng(seed).permutation(len(numbers)).tolist()
        random[site, unit] = [(site, numbers[other]) for other in order if other in near][:CONTROLS]
    return random


def _largest(values: Float[np.ndarray, " control"]) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else math.nan
