"""Pictures of the zoo."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from unitscope.analyses.by_step import ByStep
from unitscope.analyses.gate_saturation import GateSaturation, GateSaturationResult
from unitscope.page.weights import weight_views
from unitscope.studies.machine_analysis.examined import Examined, Pair
from unitscope.studies.machine_analysis.states import PARTS, States
from unitscope.studies.machine_analysis.zoo import KINDS, Kind, Material
from unitscope.view import Field, Group, Heatmap, Lines, Scatter, Series, Table, View

UNITS = 50
"""Units in a heat map."""


def accuracies(zoo: Sequence[Examined], material: Material) -> Table:
    """One row per network."""
    sets = list(material.sets.sets)
    fields = [Field("network", "text"), *(Field(name.replace("_", " "), "share") for name in sets), Field("attention")]
    rows = [[e.run.name, *(e.run.accuracy(name) for name in sets), e.measures.attention] for e in zoo]
    note = (
        "share of the pairs of which every symbol is right, written freely; attention: mean weight of the place to "
        "attend to, on held-out pairs"
    )
    return Table("Every network on every set", fields, rows, note=note)


def over_steps(
    found: Sequence[Pair], numbers: Callable[[Examined], Mapping[str, list[float]]], what: str
) -> list[View]:
    """A line for each kind and part: the mean over runs, and from the lowest run to the highest."""
    made: list[View] = []
    for part in PARTS:
        series = []
        for kind in KINDS:
            rows = np.array([numbers(getattr(pair, kind))[part] for pair in found])
            series.append(Series(kind, rows.mean(0).tolist(), rows.min(0).tolist(), rows.max(0).tolist()))
        first = 0 if "variance" in what else 1
        x = [float(first + t) for t in range(rows.shape[1])]
        made.append(Lines(f"{what}, {part}", x, series, "step", what, note="bands hold all runs"))
    return made


def violins(pair: Pair) -> list[View]:
    """The distribution of all hidden values at each step, of the first run of each kind."""
    made: list[View] = []
    for part in PARTS:
        for kind in KINDS:
            result = _one(pair, kind).results[f"{part}.hidden", ByStep.name]
            for view in result.views():
                if isinstance(view, Heatmap | Lines):
                    made.append(titled(view, f"{_one(pair, kind).run.name}, {part}"))
    return made


def saturation(pair: Pair) -> list[View]:
    """One picture for each network and part, a colour per gate."""
    made: list[View] = []
    for part in PARTS:
        for kind in KINDS:
            examined = _one(pair, kind)
            groups = []
            for gate in examined.measures.saturated:
                result = examined.results[gate, GateSaturation.name]
                assert isinstance(result, GateSaturationResult)
                if gate.startswith(part):
                    names = [f"{gate}/{unit}" for unit in range(result.units)]
                    groups.append(Group(gate.split(".")[1], result.left.tolist(), result.right.tolist(), names))
            made.append(
                Scatter(
                    f"Saturation: {examined.run.name}, {part}", groups, "share of steps < 0.1", "share of steps > 0.9",
                    note="a unit on the line from (0, 1) to (1, 0) is always saturated, one in the corner (0, 0) never",
                    xrange=(0.0, 1.0), yrange=(0.0, 1.0),
                )
            )  # fmt: skip
    return made


def group_sizes(zoo: Sequence[Examined]) -> Table:
    """Sizes, never without accuracy and chance."""
    fields = [
        Field("label", "text"), Field("network", "text"), Field("size", "text"), Field("accuracy"), Field("all units"),
        Field("chance"), Field("shuffled labels"), Field("p"), Field("units", "text"),
    ]  # fmt: skip
    names = zoo[0].groups if zoo else {}
    rows = []
    for name in names:
        for e in zoo:
            g = e.groups[name]
            size = str(g.size) if g.found else "no group above chance"
            units = ", ".join(map(str, g.units[:12])) + (" …" if len(g.units) > 12 else "")
            rows.append([name, e.run.name, size, g.accuracy, g.full, g.chance, g.shuffled, g.p, units])
    note = "accuracies on pairs that were held out as a whole; the ranking counts the weights of all classes"
    return Table("Functional groups", fields, rows, note=note)


def curves(pair: Pair) -> list[View]:
    """Accuracy with ever more units, of the first run of each kind."""
    made: list[View] = []
    for name in pair.guided.groups:
        series, longest = [], 0
        for kind in KINDS:
            group = _one(pair, kind).groups[name]
            series += [
                Series(f"{kind}, first units", group.along),
                Series(f"{kind}, all units", [group.full] * len(group.along)),
            ]
            longest = max(longest, len(group.along))
        padded = [Series(s.name, [*s.y, *[math.nan] * (longest - len(s.y))]) for s in series]
        x = [float(n) for n in range(1, longest + 1)]
        made.append(Lines(f"Telling the {name}", x, padded, "units", "held-out accuracy"))
    return made


def ablations(zoo: Sequence[Examined]) -> list[View]:
    """What networks lose without a group, beside random groups of the same size."""
    fields = [
        Field("group", "text"), Field("network", "text"), Field("units", "integer"), Field("intact", "share"),
        Field("without the group", "share"), Field("without random units", "share", "mean over random groups"),
        Field("worst random", "share"), Field("p", "number", "share of groups that cost as much"),
    ]  # fmt: skip
    every = [a for e in zoo for a in e.ablations.values()]
    rows = [
        [a.group, a.run.name, len(a.damage.units), *a.accuracy, 1 - float(a.damage.random.max()), a.damage.p]
        for a in every
    ]
    note = "share of the trained compositions that are right throughout; units are held at their means at every step"
    made: list[View] = [Table("Without the functional group", fields, rows, note=note)]
    for name in dict.fromkeys(a.group for a in every):
        groups = []
        for kind in KINDS:
            some = [a for a in every if a.group == name and a.run.kind == kind]
            x, y = [a.accuracy[2] for a in some], [a.accuracy[1] for a in some]
            groups.append(Group(kind, x, y, [a.run.name for a in some]))
        made.append(
            Scatter(
                f"Without the units of the {name}", groups, "accuracy without random units",
                "accuracy without the group", note="a network below the diagonal needs its group",
                xrange=(0.0, 1.0), yrange=(0.0, 1.0),
            )
        )  # fmt: skip
    return made


def without_more(found: Sequence[Pair]) -> list[View]:
    """Accuracy without ever more units of the encoder."""
    made: list[View] = []
    for kind in KINDS:
        curves = [_one(pair, kind).curve for pair in found]
        series = []
        for name in ("ranked", "random"):
            rows = np.array([getattr(curve, name) for curve in curves])
            series.append(Series(name, rows.mean(0).tolist(), rows.min(0).tolist(), rows.max(0).tolist()))
        x = [float(size) for size in curves[0].sizes]
        note = "in the order in which they tell the table, or random; bands hold all runs"
        made.append(Lines(f"Without ever more encoder units: {kind}", x, series, "units held", "right sequences", note))
    return made


def one_pair(states: Mapping[str, States], material: Material, number: int) -> list[View]:
    """Units over time and their changes, and the attention, while one pair is read and written."""
    pair = material.held_out[number]
    labels = {"encoder": list(pair.source), "decoder": list(pair.target)}
    made: list[View] = []
    for part in PARTS:
        for kind, found in states.items():
            values = found[f"{part}.hidden"][number].numpy()  # [step unit]
            shown = np.sort(np.random.default_rng(0).permutation(values.shape[1])[:UNITS])
            names = [f"{part}.hidden/{unit}" for unit in shown]
            made.append(
                Heatmap(f"{kind}, {part}", names, labels[part], values[:, shown].T.tolist(), -1.0, 1.0, xlabel="step")
            )
            change = np.diff(values, axis=0)[:, shown].T
            made.append(
                Heatmap(
                    f"{kind}, {part}: change into each step", names, labels[part][1:], change.tolist(), -2.0, 2.0,
                    xlabel="step",
                )
            )  # fmt: skip
    for kind, found in states.items():
        weights = found["decoder.attention"].mean(0)[:, : len(pair.source)].tolist()
        steps, places = [str(t) for t in range(len(weights))], [str(t) for t in range(len(pair.source))]
        made.append(
            Heatmap(f"{kind}: attention", steps, places, weights, 0.0, 1.0, xlabel="place", ylabel="step of output")
        )
    return made


def weights(pair: Pair, name: str) -> list[View]:
    """How much each unit counts for a label, as a rectangle; the order of units says nothing."""
    found = {kind: _one(pair, kind).groups[name].importance for kind in KINDS}
    top = max(float(values.max()) for values in found.values())
    made: list[View] = []
    for kind, values in found.items():
        rows = next(n for n in range(math.isqrt(len(values)), 0, -1) if len(values) % n == 0)
        grid = values.reshape(rows, -1)
        made.append(
            Heatmap(
                f"{kind}: weight of each unit for the {name}", [str(r * grid.shape[1]) for r in range(rows)],
                [str(c) for c in range(grid.shape[1])], grid.tolist(), 0.0, top,
                note="norm over all classes of the weights of standardised units; one colour scale for both",
            )
        )  # fmt: skip
    return made


def recurrent(pair: Pair, name: str) -> list[View]:
    """What the units of each encoder read of each other, those of a group first."""
    made: list[View] = []
    for kind in KINDS:
        one = _one(pair, kind)
        shown = weight_views(one.run.trained.net.encoder, marked=one.groups[name].units, site="encoder.hidden/")
        made += [titled(view, f"{one.run.name}, encoder") for view in shown]
    return made


def _one(pair: Pair, kind: Kind) -> Examined:
    return pair.guided if kind == "guided" else pair.baseline


def titled(view: View, whose: str) -> View:
    """The same picture, saying of what it is."""
    return replace(view, title=f"{view.title}: {whose}")
