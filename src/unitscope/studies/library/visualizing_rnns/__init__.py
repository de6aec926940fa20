"""Visualizing and understanding recurrent networks: what do their cells, gates and errors say?"""

import math
from functools import partial
from typing import Any, cast, get_args

from unitscope.corpus.text import TextCorpus
from unitscope.errors import InputError
from unitscope.networks.char import Cell
from unitscope.studies import Numbers, Outcomes, Part, Run, Study
from unitscope.studies.library.visualizing_rnns.cells import EFFECT
from unitscope.studies.library.visualizing_rnns.claims import CLAIMS
from unitscope.studies.library.visualizing_rnns.grid import Plan, Protocol, trained
from unitscope.studies.library.visualizing_rnns.network import Asked, counts, fixed, learning, look, together
from unitscope.studies.library.visualizing_rnns.over_networks import CELLS, nets
from unitscope.studies.library.visualizing_rnns.published import KERNEL, WAR_AND_PEACE
from unitscope.studies.library.visualizing_rnns.text import open_text, text_file
from unitscope.views import Lines, Series, View

NN = {"contexts": [1, 2, 3, 4, 5, 6], "units": 256, "epochs": 3}
"""Networks that read the last characters only."""
QUICK = [Plan(cell, 1, 64) for cell in CELLS]


def runs(options: Asked) -> list[Run]:
    """The n-grams, each network, and what is said of all of them together and of one that learns.

    Where the folder of networks has some that learnt the text, none is trained unless cells, layers, rows, protocols or
    seeds are named.
    """
    if options.seeds < 1:
        raise InputError(f"networks are trained from 1 seed or more, not {options.seeds}")
    for given, known in ((options.cell, get_args(Cell)), (options.protocol, get_args(Protocol))):
        for name in given or ():
            if name not in known:
                raise InputError(f"{name!r} is none of {', '.join(known)}")
    file = text_file(options.text, options.quick)
    corpus, _ = open_text(file)
    text = corpus.documents.fingerprint
    asked = _given(options, corpus) or _planned(options)
    base = {"context": options.context, "quick": options.quick}
    made = [Run("n-grams", base, partial(counts, options), fingerprint=text)]
    for settings in asked:
        made.append(Run(settings["net"], {**settings, **base}, partial(look, options), ("n-grams",), text))
    names = tuple(settings["net"] for settings in asked)
    together_ = {"all": sorted(names), "phrase": options.phrase, **base}
    made.append(Run("together", together_, partial(together, options), ("n-grams", *names), text))
    learners = [s for s in asked if s["cell"] == "lstm" and s["seed"] == 1 and s["protocol"] == "modern"]
    if learners:
        best = max(learners, key=lambda s: (s["row"], s["layers"]))
        size = {"contexts": [1, 2], "units": 64, "epochs": 1} if options.quick else NN
        needs = ("n-grams", "n-NN", best["net"])
        made.append(Run("n-NN", dict(size), partial(fixed, options), fingerprint=text))
        made.append(Run("learning", {"of": best["net"], **base}, partial(learning, options), needs, text))
    return made


def _given(options: Asked, corpus: TextCorpus) -> list[dict[str, Any]]:
    """The networks of a folder that learnt the text."""
    named = options.cell or options.layers or options.row or options.protocol or options.seeds > 1
    if options.grid is None or named:
        return []
    found = trained(options.grid, corpus.documents.fingerprint, len(corpus.vocabulary))
    made: list[dict[str, Any]] = []
    for m in found:
        kind = {"cell": m.cell, "layers": m.layers, "row": m.row, "protocol": m.protocol}
        seed = 1 + sum(all(one[k] == v for k, v in kind.items()) for one in made)
        made.append({"net": m.name, **kind, "seed": seed, "epochs": len(m.history), "nats": m.validation})
    return made


def _planned(options: Asked) -> list[dict[str, Any]]:
    """Every combination that was asked for, with so many seeds."""
    plans: list[Plan] = list(QUICK)
    if not options.quick or options.cell or options.layers or options.row or options.protocol:
        plans = [
            Plan(cast(Any, cell), layers, row, cast(Any, protocol))
            for protocol in options.protocol or ("modern",)
            for row in options.row or (64, 128)
            for layers in options.layers or (1, 2)
            for cell in options.cell or CELLS
        ]
    made = []
    for seed in range(1, options.seeds + 1):
        for plan in plans:
            epochs = 2 if options.quick else options.epochs if plan.protocol == "modern" else options.paper_epochs
            name = Plan(plan.cell, plan.layers, plan.row, plan.protocol, seed=seed).name
            made.append(
                {"net": name, "cell": plan.cell, "layers": plan.layers, "row": plan.row, "protocol": plan.protocol,
                 "seed": seed, "epochs": epochs}
            )  # fmt: skip
    return made


def losses(o: Outcomes) -> dict[str, Numbers]:
    """Every network and n-gram on the test text."""
    text = o.found[0]
    known = next((each for each in (WAR_AND_PEACE, KERNEL) if text.has("text") and text["text"] == each.name), None)
    rows: dict[str, dict[str, Any]] = {}
    for one in nets(o):
        said = known.loss(one["cell"], one["layers"], one["row"]) if known else math.nan
        mean, low, high = one["nats"]
        rows[one.name] = {
            "cell": one["cell"], "layers": one["layers"], "row": one["row"], "protocol": one["protocol"],
            "seed": one["seed"], "units": one["width"], "weights": one["weights"], "epochs": one["epochs"],
            "validation": one["validation"], "test, nats": mean, "low": low, "high": high, "bits": mean / math.log(2),
            "published, from memory": said, "errors": one["errors"][0],
            "of them the 20-gram's": one["overlap"][0],
        }  # fmt: skip
    ngrams = {
        f"{n} characters": dict(zip(("nats", "low", "high"), v, strict=True)) for n, v in o.found[0]["losses"].items()
    }
    for one in o.having("n-NN"):
        ngrams |= {
            f"{n} characters, n-NN": dict(zip(("nats", "low", "high"), v, strict=True)) for n, v in one["n-NN"].items()
        }
    onions = {one.name: {kind: v[0] for kind, v in one["onion"].items()} for one in nets(o)}
    gains = {one.name: {repr(s): v[0] for s, v in one["gains"].items()} for one in nets(o)}
    return {"Networks": rows, "n-grams": ngrams, "What explains the errors (shares)": onions,
            "Gain over the 20-gram (mean probability)": gains}  # fmt: skip


def units(o: Outcomes) -> dict[str, Numbers]:
    """Labels that units follow, network by network; and the number of trainings that have such a unit."""
    shares = {
        one.name: {"units": one["width"] * one["layers"], "interpretable": one["interpretable"],
                   "labels with a confirmed unit": sum(u["confirmed"] for u in one["units"].values()),
                   "of these used": sum(u["used"] == "used" for u in one["units"].values())}
        for one in nets(o)
    }  # fmt: skip
    labels = list(dict.fromkeys(name for one in nets(o) for name in one["units"]))
    found: dict[str, dict[str, Any]] = {name: {} for name in labels}
    for kind, own in nets(o).by("cell").items():
        for row, of_row in own.by("row").items():
            for name in labels:
                has = [one["units"][name]["confirmed"] for one in of_row.having(f"units/{name}")]
                found[name][f"{kind.upper()} {row}"] = f"{sum(has)} of {len(has)}"
    lost = {
        f"{one.name}: {label}": {repr(symbol): cost for symbol, cost in costs.items()}
        for one in nets(o)
        for pair in one["lost"].values()
        for label, costs in pair.items()
        if isinstance(costs, dict)
    }
    return {"Interpretable units": shares, "In how many of the trainings a unit follows a label": found,
            "What is lost without a unit (nats)": lost}  # fmt: skip


def histories(o: Outcomes) -> list[View]:
    """Validation losses while learning."""
    own = nets(o)
    most = max((len(one["history"]) for one in own), default=0)
    series = [Series(one.name, one["history"] + [math.nan] * (most - len(one["history"]))) for one in own]
    return [Lines("Validation loss", [float(n + 1) for n in range(most)], series, "epoch", "nats per character")]


STUDY = Study(
    name="visualizing-rnns",
    paper="Karpathy, Johnson & Fei-Fei 2015 (arXiv 1506.02078)",
    text="""What do the cells, gates and errors of recurrent networks say?

Networks of three kinds, several depths and sizes read a text character by character and predict the next one. Their
losses are set beside each other's and n-grams', their gates are counted, their errors are divided by cause, and what
their cells stand for is found by search where the paper looked by eye: in how many of the trainings there is such a
unit, whether the network uses it, when it emerges, and what drives it. Give `--text FILE`, or `warpeace` or `linux`,
which the paper read; rows are budgets of weights, not widths.""",
    runs=runs,
    parts=[
        Part("Losses and errors", "Nats per character over the test text, which no network has seen; intervals are "
             "over stretches of it. Published values are recollection.", tables=losses, views=histories),
        Part("Gates", "A unit is left-saturated where it is below 0.1 and right-saturated where it is above 0.9; each "
             "point is a unit.", views=lambda o: o.views("views/gates")),
        Part("Errors of one network", views=lambda o: o.views("views/errors")),
        Part("What cells stand for", "Every unit is asked about every label, on text that no network was "
             "trained on: chosen on one part, confirmed on another, with untrained networks, labels from elsewhere, "
             f"and the cost of holding it at its mean. It counts as interpretable from |r| = {EFFECT} on.",
             tables=units, views=lambda o: o.views("views/cells")),
        Part("All networks together", views=lambda o: o.views("views/together")),
        Part("A network that learns", "What it resembles, when units begin to follow and the network to use them, what "
             "found units raise in the output, and what drives them.", views=lambda o: o.views("views/learning")),
    ],
    claims=CLAIMS,
    options=Asked,
)  # fmt: skip
