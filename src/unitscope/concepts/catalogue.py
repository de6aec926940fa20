"""Every measure of ``inspect`` by its name, whatever it needs to be measured."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Int

from unitscope.concepts import simulation, wpmi
from unitscope.concepts.fed import FED
from unitscope.concepts.groups import GROUPS
from unitscope.concepts.measures import MEASURES
from unitscope.concepts.pairs import Hypotheses
from unitscope.concepts.searched import FORMS, Formulas
from unitscope.concepts.watched import Keeper
from unitscope.errors import InputError

KEPT: dict[str, str] = {
    simulation.NAME: "how well the label foretells the unit: a line learnt on one half, r with it on the other, all "
    "tokens joined",
    wpmi.NAME: "how much the label is in the unit's top texts, and not in those of all units (CLIP-Dissect's softWPMI)",
    **{form.name: form.help for form in FORMS.values()},
}
"""Measures that keep some of what is read: they are not functions of sums."""

CATALOGUE: dict[str, str] = {
    **{measure.name: measure.help for measure in MEASURES.values()},
    **KEPT,
    **{name: fed.help for name, fed in FED.items()},
    **{
        name: f"all units of a site together: F1 of a logistic regression (l1 {penalty.l1:g}), held out"
        for name, penalty in GROUPS.items()
    },
}
"""All measures, and what each says."""


def keepers_of(
    names: Sequence[str],
    hypotheses: Hypotheses,
    units: Mapping[str, Int[np.ndarray, " unit"]],
    batches: Sequence[Sequence[int]],
    length: int,
    progress: Callable[[str, int, int], None],
) -> list[Keeper]:
    """What the measures among ``KEPT`` need to see. Raises ``InputError`` for what cannot be measured of these."""
    wanted = [name for name in names if name in KEPT]
    if not wanted:
        return []
    sequences = sum(map(len, batches))
    halved = [name for name in wanted if name != wpmi.NAME]
    if halved and len(batches) < 2:
        raise InputError(f"{halved[0]} learns from one half of the documents and is scored on the other; give more")
    keepers: list[Keeper] = []
    if simulation.NAME in wanted:
        keepers.append(simulation.Simulated(hypotheses, units, sequences))
    if wpmi.NAME in wanted:
        keepers.append(wpmi.TopTexts(hypotheses, units, sequences))
    forms = [name for name in wanted if name in FORMS]
    if forms:
        keepers.append(Formulas(forms, hypotheses, units, sequences, length, progress))
    return keepers
