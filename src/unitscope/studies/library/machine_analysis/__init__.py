"""Machine analysis: what do the units of a network that generalises do differently?"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, get_args

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
from unitscope.networks.seq2seq.network import Cell
from unitscope.page.comparison import kinship_views
from unitscope.studies import (
    OURS,
    Claim,
    Found,
    Here,
    Numbers,
    Options,
    Outcomes,
    Part,
    Run,
    Source,
    Study,
    Value,
    above,
    below,
    between,
    equals,
    exact,
    of_pairs,
    of_runs,
)
from unitscope.studies.library.machine_analysis import views
from unitscope.studies.library.machine_analysis.look import ABLATED, ATTENDED, SECOND, TABLE, flat, look, network
from unitscope.studies.library.machine_analysis.planted import planted
from unitscope.studies.library.machine_analysis.states import PARTS, sources
from unitscope.studies.library.machine_analysis.zoo import KINDS, material
from unitscope.views import Lines, Series, View

ZOO = Source("published, read", "machine-zoo README, 5 seeds of 512 units")
RELEASED = Source("recomputed from released data", "original hidden states, one run of each kind, 512 units")
NOT_ASKED = Source("ours", "never asked in the original, which takes units from a probe and none from a network")
BOTH = ("baseline", "guided")
CELLS: tuple[Cell, ...] = get_args(Cell)
LEARNT = 0.8
"""Share of the trained compositions that a network does, if anything is to be concluded from it."""


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
    """What is said of the networks of one cell together: which of them are alike, and what tells their kind."""
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


def of_pair(
    cell: str, number: Callable[[Found], Any], change: Callable[[Any, Any], float] | None = None
) -> Callable[[Outcomes], Value | None]:
    """One number of every pair: a guided and a baseline network of one seed, which began with the same weights."""

    def value(o: Outcomes) -> Value | None:
        found = o.where(cell=cell).having("numbers").pairs("kind", "guided", "baseline")
        if not found:
            return None
        both = [(number(guided), number(base)) for guided, base in found]
        differences = [change(g, b) for g, b in both] if change else []
        values = of_runs(differences) if change else of_pairs([g for g, _ in both], [b for _, b in both])
        return values.unless(_unlearnt(one for pair in found for one in pair))

    return value


def of_kind(cell: str, kind: str, number: Callable[[Found], float]) -> Callable[[Outcomes], Value | None]:
    """One number of every network of a kind."""

    def value(o: Outcomes) -> Value | None:
        own = o.where(cell=cell, kind=kind).having("numbers")
        return of_runs([number(one) for one in own]).unless(_unlearnt(own)) if len(own) else None

    return value


def _unlearnt(networks: Iterable[Found]) -> str:
    """Why nothing is concluded from networks that do not even do the compositions that they read."""
    weak = [one.name for one in networks if one["curve/intact"] < LEARNT]
    return f"{', '.join(weak)} do less than {LEARNT:.0%} of what was learnt" if weak else ""


def changes(part: str, one: Found) -> list[float]:
    """How far the states of a part move, step by step."""
    found: list[float] = one["numbers/change"][part]
    return found


def least_ratio(guided: Sequence[float], base: Sequence[float]) -> float:
    """Guided over baseline, at the step where it is least."""
    return min(g / b for g, b in zip(guided, base, strict=True))


def of_cell(cell: Cell) -> list[Claim]:
    """What is claimed of the networks with one kind of cell."""
    name, gru = cell.upper(), cell == "gru"

    def least(guided: Sequence[float], base: Sequence[float]) -> float:
        return min(g - b for g, b in zip(guided, base, strict=True))

    def decay(one: Found) -> float:
        variance = one["numbers/variance"]["decoder"]
        return float(variance[-1] / variance[0])

    def score(one: Found, *sets: str) -> list[float]:
        return [one["scores"][f"{of} sequences"] for of in sets]

    def told(what: str, features: str) -> Callable[[Outcomes], Value | None]:
        def value(o: Outcomes) -> Value | None:
            one = o.one(**{"all of": cell})
            if one is None:
                return None
            row = one["told apart"][features]
            note = f"{row['seen']:.2f} in runs that were seen"
            return Value(row["unseen"], row["low"], row["high"], note) if what == "unseen" else exact(row["seen"])

        return value

    def asked(id: str, says: str, source: Source, expected: str, value: Any, bar: Any) -> Claim:
        return Claim(f"{id}-{cell}", f"{name}: {says}", source, expected, value, bar)

    def pair(number: Callable[[Found], Any], change: Any = None) -> Any:
        return of_pair(cell, number, change)

    held = ("heldout_inputs", "heldout_tables", "new_compositions")
    claims = [
        asked("compositions", "guidance is what makes held-out compositions right (difference of shares)", ZOO,
              "1.00 against .22" if gru else ".95 against .23",
              pair(lambda one: score(one, "heldout_compositions")[0]), above(0.3)),
        asked("order", "guided is more accurate on held-out inputs, tables and new compositions (least gain)", ZOO,
              "1.00/.21; .93/.05; .87/.03" if gru else ".97/.20; .53/.09; .34/.06",
              pair(lambda one: score(one, *held), least), above(0)),
        asked("longer", "not even guided networks do compositions of three seen tables (share)", ZOO,
              ".28" if gru else ".27", of_kind(cell, "guided", lambda one: score(one, "longer_seen")[0]), below(0.4)),
        asked("attention", "a guided network attends to its place (mean weight)", OURS, "1.00",
              of_kind(cell, "guided", lambda one: one["numbers/attention on its place"]), above(0.95)),
        asked("unguided-attention", "a baseline network does not", OURS, ".03 to .32",
              of_kind(cell, "baseline", lambda one: one["numbers/attention on its place"]), below(0.4)),
        *(
            asked(f"change-{part}", f"states of a guided {part} change more at every step (least ratio)", RELEASED,
                  says, pair(partial(changes, part), least_ratio), above(1))
            for part, says in (("encoder", "×1.5 to ×2.0" if gru else "×1.7 to ×2.0"),
                               ("decoder", "×1.8, ×3.1" if gru else "×1.4, ×2.2"))
        ),
        asked("variance", "values of a guided encoder vary more at every table (least ratio)", RELEASED,
              "×4.3, ×2.2" if gru else "×3.1, ×2.2",
              pair(lambda one: one["numbers/variance"]["encoder"][1:3], least_ratio), above(1)),
        asked("decay", "the variance of a baseline decoder decays, that of a guided one less (difference of last over "
              "first)", RELEASED, "1.09 against .25" if gru else ".62 against .14",
              pair(decay), above(0)),
        asked("gates", "each gate of a guided encoder is more often saturated (least difference of shares)", OURS,
              "reset .15/.05, update .16/.07 at 512 units" if gru else "",
              pair(lambda one: [v for k, v in one["numbers/saturated"].items() if k.startswith("encoder")],
                   least), above(0)),
        asked("groups", "a guided encoder's group for the table is at most half of the baseline's (ratio of sizes)",
              RELEASED, "5 against 24" if gru else "4 against 40",
              pair(lambda one: one["groups"][TABLE]["size"], lambda g, b: g / b), below(0.5)),
        asked("attended", "the attended table is told better from guided decoder states (difference of accuracies)",
              RELEASED, ".99 against .47" if gru else ".97 against .40",
              pair(lambda one: one["groups"][ATTENDED]["all units"]), above(0.25)),
        asked("second", "the second table is told better from guided encoder states (difference of accuracies)",
              RELEASED, "1.00 against .91" if gru else "1.00 against .63",
              pair(lambda one: one["groups"][SECOND]["all units"]), above(0)),
        asked("time", "guided encoders tell the step better (ratio of squared errors, in powers of ten)", RELEASED,
              ".00011 against .0137" if gru else ".0007 against .0280",
              pair(lambda one: one["numbers/error of the step"]["encoder"],
                   lambda g, b: math.log10(g / b)), below(0)),
        asked("similar", "sources with the same second table are nearer in guided encoders (difference of ratios)",
              RELEASED, ".57 against 1.00" if gru else ".77 against 1.02",
              pair(lambda one: one["numbers/distance"]["same second table"]), below(0)),
        asked("raw", "raw states do not tell the kind of unseen runs (balanced accuracy)", OURS, ".51",
              told("unseen", "raw activations"), between(0.25, 0.75)),
        asked("raw-seen", "raw states tell the kind of runs that were seen", OURS, "1.00",
              told("seen", "raw activations"), above(0.99)),
        asked("summaries", "summaries without an order of units tell it in unseen runs (balanced accuracy)", OURS,
              ".92", told("unseen", "summaries"), above(0.5)),
        *(
            asked(f"needs-{kind}-{group.split(',')[0].replace(' ', '-')}",
                  f"a {kind} network needs the units of its group “{group}” more than random ones (difference of "
                  "right compositions)", NOT_ASKED, "above 0", partial(excess, cell=cell, kind=kind, group=group),
                  above(0))
            for group in ABLATED
            for kind in ("guided", "baseline")
        ),
        asked("half", "a guided network is lost with fewer units that tell the table than random ones (doublings)",
              NOT_ASKED, "above 0", of_kind(cell, "guided", doublings), above(0)),
    ]  # fmt: skip
    return claims


def excess(o: Outcomes, cell: str, kind: str, group: str) -> Value | None:
    """How many more compositions are wrong without a group than without random units."""
    own = [one["ablations"][group] for one in o.where(cell=cell, kind=kind).having(f"ablations/{group}")]
    p = "p of each network " + ", ".join(f"{row['p']:.2f}" for row in own)
    lost = [row["without random units"] - row["without the group"] for row in own]
    return of_runs(lost, p) if own else None


def doublings(one: Found) -> float:
    """Random units over ranked ones, in doublings, that must go before half of the compositions are wrong."""
    curve = one["curve"]

    def half(accuracies: Sequence[float]) -> float:
        lost = [n for n, right in zip(curve["sizes"], accuracies, strict=True) if right < curve["intact"] / 2]
        return float(lost[0] if lost else 2 * curve["sizes"][-1])

    return math.log2(half(curve["random"]) / half(curve["ranked"]))


def of_known(path: str) -> Callable[[Outcomes], Value | None]:
    """A number of the data in which the right answer is known."""

    def value(o: Outcomes) -> Value | None:
        one = o.one(noise=24) or o.one(noise=512)
        return exact(float(one[path])) if one else None

    return value


def worst(path: str) -> Callable[[Outcomes], Value | None]:
    """The largest of all networks."""
    return lambda o: exact(max(o.all(path)), f"{len(o.all(path))} networks") if o.all(path) else None


EXACT = Source("ours", "PyTorch's own modules")
KNOWN = Source("ours", "by construction")
GENERAL = [
    Claim("parity", "recomputed states are those of the network's own layers (largest difference, float64)", EXACT,
          "rounding", worst("exact/float64"), below(1e-12)),
    Claim("identical", "reading changes no bit of the output (share of networks)", EXACT, "1",
          lambda o: exact(float(np.mean(o.all("exact/identical")))) if o.all("exact/identical") else None, equals(1)),
    Claim("sets", "the sets of the task have the published sizes", Source("published, read", "machine-tasks"), "6 of 6",
          of_known("sets of the published size"), equals(6)),
    Claim("pairs", "different pairs of one or two tables", Source("published, read", "machine-tasks"), "576",
          of_known("different pairs"), equals(576)),
    Claim("planted-gates", "gates held shut and open by their bias are saturated at every step, on that side only",
          KNOWN, "1, 0, 0, 1",
          lambda o: exact(float(np.mean([g == [1, 0, 0, 1] for g in o.all("gates")]))) if o.all("gates") else None,
          equals(1)),
    Claim("planted-groups", "of 1, 5 and 20 planted units among others all that is found was planted (share of groups)",
          KNOWN, "1", of_known("planted groups found"), equals(1)),
    Claim("planted-order", "the group is the same with the classes in another order", KNOWN, "yes",
          of_known("the same with classes in another order"), equals(1)),
    Claim("noise", "units of a group that are found in noise", KNOWN, "0", of_known("units found in noise"), equals(0)),
    Claim("counter", "a unit that counts tells the step without error", KNOWN, "0", of_known("error of the counter"),
          below(1e-9)),
]  # fmt: skip


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
