"""Pictures of one network."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from unitscope.analyses.gate_saturation import GateSaturationResult
from unitscope.fold.resultset import ResultSet
from unitscope.probing.groups import FunctionalGroup
from unitscope.studies.library.machine_analysis.states import PARTS, States
from unitscope.studies.library.machine_analysis.zoo import Material
from unitscope.views import Group, Heatmap, Lines, Scatter, Series, View

UNITS = 50
"""Units in a heat map."""


def titled(whose: str, shown: Iterable[View]) -> list[View]:
    """The same pictures, saying of what they are."""
    return [replace(view, title=f"{view.title}: {whose}") for view in shown]


def of(whose: str, result: Any) -> list[View]:
    """The pictures of a result."""
    return titled(whose, result.views())


def saturation(whose: str, results: ResultSet) -> list[View]:
    """One picture for each part, a colour per gate."""
    made: list[View] = []
    for part in PARTS:
        groups = []
        for gate in results:
            if isinstance(gate, GateSaturationResult) and gate.left_below > 0 and gate.site.startswith(part):
                names = [f"{gate.site}/{unit}" for unit in range(gate.units)]
                groups.append(Group(gate.site.split(".")[1], gate.left.tolist(), gate.right.tolist(), names))
        made.append(
            Scatter(
                f"Saturation: {whose}, {part}", groups, "share of steps < 0.1", "share of steps > 0.9",
                note="a unit on the line from (0, 1) to (1, 0) is always saturated, one in the corner (0, 0) never",
                xrange=(0.0, 1.0), yrange=(0.0, 1.0),
            )
        )  # fmt: skip
    return made


def along(whose: str, group: FunctionalGroup) -> View:
    """Accuracy with ever more units."""
    x = [float(n) for n in range(1, len(group.along) + 1)]
    series = [Series("first units", group.along), Series("all units", [group.full] * len(x))]
    return Lines(f"Telling the {group.label}: {whose}", x, series, "units", "held-out accuracy")


def one_pair(whose: str, found: States, material: Material) -> list[View]:
    """Units over time, their changes, and the attention, while the first pair is read and written."""
    pair = material.held_out[0]
    labels = {"encoder": list(pair.source), "decoder": list(pair.target)}
    made: list[View] = []
    for part in PARTS:
        values = found[f"{part}.hidden"][0].numpy()  # [step unit]
        shown = np.sort(np.random.default_rng(0).permutation(values.shape[1])[:UNITS])
        names = [f"{part}.hidden/{unit}" for unit in shown]
        change = np.diff(values, axis=0)[:, shown].T
        made += [
            Heatmap(f"{whose}, {part}", names, labels[part], values[:, shown].T.tolist(), -1.0, 1.0, xlabel="step"),
            Heatmap(
                f"{whose}, {part}: change into each step", names, labels[part][1:], change.tolist(), -2.0, 2.0,
                xlabel="step",
            ),
        ]  # fmt: skip
    weights = found["decoder.attention"].mean(0)[:, : len(pair.source)].tolist()
    steps, places = [str(t) for t in range(len(weights))], [str(t) for t in range(len(pair.source))]
    title = f"{whose}: attention"
    return [*made, Heatmap(title, steps, places, weights, 0.0, 1.0, xlabel="place", ylabel="step of output")]


def importance(whose: str, group: FunctionalGroup) -> View:
    """Weight of each unit for a label, as a rectangle; the order of units means nothing."""
    values = group.importance
    rows = next(n for n in range(math.isqrt(len(values)), 0, -1) if len(values) % n == 0)
    grid = values.reshape(rows, -1)
    return Heatmap(
        f"{whose}: weight of each unit for the {group.label}", [str(r * grid.shape[1]) for r in range(rows)],
        [str(c) for c in range(grid.shape[1])], grid.tolist(), 0.0, float(values.max()),
        note="norm over all classes of the weights of standardised units",
    )  # fmt: skip
