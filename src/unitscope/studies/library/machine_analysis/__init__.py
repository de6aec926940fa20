"""Machine analysis: what do the units of a network that generalises do differently?"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.analyses.change_by_step import ChangeByStep, ChangeByStepResult
from unitscope.comparison.groups import compare_groups, kinship_note
from unitscope.comparison.kinds import classify_kinds, kinds_table
from unitscope.comparison.runs import compare_runs
from unitscope.comparison.steps import compare_changes, transition_views
from unitscope.corpus.lookup_tables import LookupTables
from unitscope.errors import InputError
from unitscope.fold.analyze import analyze
from unitscope.networks.seq2seq.model import Seq2SeqModel
from unitscope.page.comparison import kinship_views
from unitscope.studies import (
    Found,
    Here,
    Numbers,
    Options,
    Outcomes,
    Part,
    Run,
    Study,
)
from unitscope.studies.library.machine_analysis import views
from unitscope.studies.library.machine_analysis.claims import BOTH, CELLS, GENERAL, of_cell
from unitscope.studies.library.machine_analysis.look import flat, look, network
from unitscope.studies.library.machine_analysis.planted import planted
from unitscope.studies.library.machine_analysis.states import PARTS, sources
from unitscope.studies.library.machine_analysis.zoo import KINDS, material
from unitscope.views import Lines, Series, View


@dataclass(frozen=True)
class Asked(Options):
    """Options of the study."""

    seeds: int = field(default=5, metadata={"help": "runs of each kind and cell"})
    zoo: Path | None = field(default=None, metadata={"help": "folder of networks; those that are missing are trained"})
    units: int = field(default=128, metadata={"help": "units of encoder and decoder; 512 as published"})
    cells: str = field(default="gru,lstm", metadata={"help": "gru, lstm or gru,lstm"})


def runs(options: Asked) -> list[Run]:
    """Each network, what is said of all of a cell together, and data in which the right answer is known."""
    if options.seeds < 2:
        raise InputError(f"what is said of a kind of network needs at least 2 runs of each kind, not {options.seeds}")
    cells = options.cells.split(",")
    if odd := sorted({*cells} - {*CELLS}):
        raise InputError(f"no cell is called {odd[0] or 'nothing'}; there are: {', '.join(CELLS)}")
    cells, seeds, units = (cells[:1], 2, 8) if options.quick else (cells, options.seeds, options.units)
    made = []
    common = {"units": units, "quick": options.quick}
    for cell in cells:
        own = [
            Run(
                f"{kind} {cell} {seed}",
                {"kind": kind, "cell": cell, "seed": seed, **common},
                partial(look, options.zoo),
            )
            for seed in range(1, seeds + 1)
            for kind in KINDS
        ]
        together = {"all of": cell, "seeds": seeds, **common}
        made += [*own, Run(f"together {cell}", together, partial(kin, options.zoo), tuple(run.name for run in own))]
    noise = {"noise": 24 if options.quick else 512, "kind": KINDS[0], "cell": cells[0], "seed": 1, **common}
    return [*made, Run("planted", noise, partial(known, options.zoo), (f"{KINDS[0]} {cells[0]} 1",))]


def kin(zoo: Path | None, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Claims about the networks of one cell together: their kinship, and the features of their kind."""
    cell, seeds = settings["all of"], range(1, settings["seeds"] + 1)
    live: dict[str, list[Any]] = {
        kind: [_live(zoo, {**settings, "kind": kind, "cell": cell, "seed": seed}, here) for seed in seeds]
        for kind in KINDS
    }
    encoders = {kind: [one["encoder"] for one in of_kind] for kind, of_kind in live.items()}
    kinds = classify_kinds(encoders, "encoder.hidden", 2)
    compared = compare_groups(encoders, ["encoder.hidden"], progress=here.show)
    transitions: list[View] = []
    for part in PARTS:
        site = f"{part}.hidden"
        one, other = (analyze(live[kind][0][part], [ChangeByStep()], [site])[site, ChangeByStep.name] for kind in KINDS)
        assert isinstance(one, ChangeByStepResult)
        assert isinstance(other, ChangeByStepResult)
        transitions += views.titled(part, transition_views(compare_changes(one, other), BOTH))
    count = settings["seeds"]
    return {
        "told apart": {
            row.features: {"seen": row.within, "unseen": row.mean, "low": row.interval[0], "high": row.interval[1]}
            for row in kinds
        },
        "note": kinship_note((count, count)),
        "views": [kinds_table(kinds), compared.differences.view(), *kinship_views(compared), *transitions],
    }


def _live(zoo: Path | None, settings: dict[str, Any], here: Here) -> Any:
    net, _, read = network(zoo, settings, here)
    return sources(Seq2SeqModel(net, places=read.places, name=f"{settings['kind']} {settings['seed']}"), read)


def known(zoo: Path | None, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Data in which the right answer is known, and the sizes of the published sets."""
    net, _, read = network(zoo, settings, here)
    full = material(here.folder, quick=False)
    right = sum(len(full.sets.sets[name]) == len(pairs) for name, pairs in LookupTables().splits().items())
    distinct = len({pair.source for pair in full.everything})
    return {**planted(net, read, settings["noise"]), "sets of the published size": right, "different pairs": distinct}


def accuracies(o: Outcomes) -> dict[str, Numbers]:
    """One row per network: share of the pairs of which every symbol is right, written freely."""

    def row(one: Found) -> dict[str, Any]:
        own = {k.removesuffix(" sequences"): v for k, v in one["scores"].items() if k.endswith(" sequences")}
        return {**own, "attention": one["numbers/attention on its place"]}

    return {"Every network on every set": {one.name: row(one) for one in o.having("numbers")}}


def groups(o: Outcomes) -> dict[str, Numbers]:
    """Sizes, never without accuracy and chance, and what is lost without the groups."""
    every = o.having("groups")
    return {
        "Functional groups": {
            f"{one.name}: {name}": {k: v if k != "units" else ", ".join(map(str, v[:12])) for k, v in group.items()}
            for one in every
            for name, group in one["groups"].items()
        },
        "Without the functional group": {
            f"{one.name}: {name}": row for one in every for name, row in one["ablations"].items()
        },
    }


def steps(o: Outcomes) -> list[View]:
    """Variance, change, and accuracy without ever more units: means over runs, and from the lowest to the highest."""
    made: list[View] = []
    for cell, own in o.having("numbers").by("cell").items():
        for what in ("variance", "change"):
            for part in PARTS:
                rows = {k: np.array([n[part] for n in of.all(f"numbers/{what}")]) for k, of in own.by("kind").items()}
                made.append(_bands(f"{cell.upper()}: {what}, {part}", rows, "step", what))
        for kind, of in own.by("kind").items():
            rows = {order: np.array(of.all(f"curve/{order}")) for order in ("ranked", "random")}
            title = f"{cell.upper()}, {kind}: without ever more encoder units"
            made.append(_bands(title, rows, "units held (1, 2, 4, …)", "right compositions"))
    return [*made, *o.views("views/steps")]


def _bands(title: str, rows: dict[str, np.ndarray], xlabel: str, ylabel: str) -> View:
    series = [Series(k, x.mean(0).tolist(), x.min(0).tolist(), x.max(0).tolist()) for k, x in rows.items()]
    x = [float(t) for t in range(len(series[0].y))]
    return Lines(title, x, series, xlabel, ylabel, note="bands hold all runs")


def over_runs(o: Outcomes) -> list[View]:
    """Every number that hangs on no order of units, tested with the run as the piece of evidence."""
    made: list[View] = []
    for own in o.having("numbers").by("cell").values():
        of = {
            kind: [
                {**flat(one["numbers"]), **{f"size, {n}": float(g["size"]) for n, g in one["groups"].items()}}
                for one in own.where(kind=kind)
            ]
            for kind in KINDS
        }
        first, second = ({name: [row[name] for row in of[kind]] for name in of[kind][0]} for kind in KINDS)
        made.append(compare_runs(first, second, BOTH).view())
    return made


STUDY = Study(
    name="machine-analysis",
    paper="Baan et al. 2019 (W19-4814, arXiv 1906.01634) and Hupkes et al. 2018 (arXiv 1805.09657)",
    text="""What do the units of a network that generalises do differently?

Encoder–decoders learn compositions of lookup tables. Guided ones are also told, while they learn, where to look
(attentive guidance); baseline ones are not. Pairs with one seed began with the same weights. All units are read on
pairs of two tables that were not trained on. A run is one piece of evidence, however many pairs it read.

Encoder and decoder are read by name, the LSTM's decoder starts from both hidden state and cell, groups are ranked by
the weights of all classes, similar and other pairs are disjoint, whole sequences are held out, every seed is used. In
the published analysis none of these was so, and some of its numbers are of the other half, or off the model.""",
    runs=runs,
    parts=[
        Part("What the networks can do", tables=accuracies),
        Part("Distributions and changes over steps", views=steps),
        Part("Saturated gates", views=lambda o: o.views("views/gates")),
        Part(
            "Functional groups",
            "A linear probe of all units tells a label; units are added in the order of their weights, over all "
            "classes, until 95 % of its accuracy is reached. A size means nothing without its accuracy. Does the "
            "network use these units? The group is held at its means while the network does the compositions that it "
            "learnt, and so are random groups of the same size.",
            tables=groups,
            views=lambda o: o.views("views/groups"),
        ),
        Part("Time", "Ridge regressions of the step, on whole pairs held out.", views=lambda o: o.views("views/time")),
        Part(
            "Similar samples",
            "Distance of two sources that share a table, over that of two that do not.",
            views=lambda o: o.views("views/similar"),
        ),
        Part(
            "Guided or baseline?",
            "Unit 7 of one run is not unit 7 of another: only what does not depend on the order of units can be the "
            "mark of a kind.",
            views=lambda o: [view for one in o.having("told apart") for view in one["views"]],
        ),
        Part("Tests over runs", views=over_runs),
        Part("One pair of sequences", views=lambda o: o.views("views/one")),
        Part("Weights", views=lambda o: o.views("views/weights")),
    ],
    claims=[*GENERAL, *(claim for cell in CELLS for claim in of_cell(cell))],
    options=Asked,
)
