"""Natural-language concepts in single units: do they name what a network learnt, or what anybody would?"""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from unitscope.errors import InputError
from unitscope.evidence import ratio
from unitscope.networks.attentive import AttentiveConfig
from unitscope.networks.bytenet import ByteNetConfig
from unitscope.networks.card import Card, kind_of, load, read_card
from unitscope.networks.kinds import kinds
from unitscope.networks.lessons.tasks import Classification
from unitscope.networks.lessons.texts import Fit, train
from unitscope.networks.sentence_nets import SentenceConfig
from unitscope.networks.training import Step
from unitscope.networks.vdcnn import VDCNNConfig
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
from unitscope.studies.library.cnn_units import views
from unitscope.studies.library.cnn_units.claims import NAMES, of_one
from unitscope.studies.library.cnn_units.examine import SCORES, as_model, examine, untrained
from unitscope.studies.library.cnn_units.probe import probe
from unitscope.studies.library.cnn_units.tasks import Task, tasks
from unitscope.views import Lines, Series, View

TEXTS = (*kinds("classes"), *kinds("translation"))


@dataclass(frozen=True)
class Asked(Options):
    """Options of the study."""

    data: Path | None = field(
        default=None, metadata={"help": "folder with TREC.*.all, dbpedia/ or multi30k/; else made-up questions"}
    )
    nets: Path | None = field(
        default=None, metadata={"help": "folder of networks of train classifier and train translator; else trained"}
    )
    untrained: int = field(default=3, metadata={"help": "untrained networks beside each trained one"})
    only: str = field(default="", metadata={"help": "the task to look at, such as questions; all if not given"})


@cache
def _tasks(data: Path | None, quick: bool) -> list[Task]:
    return tasks(data, quick)


def runs(options: Asked) -> list[Run]:
    """Each network, and beside it untrained ones of the same architecture."""
    if min(options.seeds, options.untrained) < 1:
        raise InputError("at least one network is trained, and one is not, of each task")
    made: list[Run] = []
    known = [task.name for task in _tasks(options.data, options.quick)]
    if options.only and options.only not in known:
        raise InputError(f"there is no task {options.only!r} here; there are: {', '.join(known)}")
    for number, task in enumerate(_tasks(options.data, options.quick)):
        if options.only not in ("", task.name):
            continue
        for given in _given(options.nets, task) if options.nets else _planned(task, options):
            settings = {"task": task.name, **given}
            trained = Run(
                f"{task.name} {given['net']}", settings, partial(look, options, number), fingerprint=task.fingerprint
            )
            made.append(trained)
            for draw in range(1 if options.quick else options.untrained):
                settings = {"task": task.name, **given, "untrained": draw}
                made.append(
                    Run(f"{trained.name} untrained {draw}", settings, partial(blank, options, number), (trained.name,))
                )
    if not made:
        raise InputError(
            f"{options.nets} holds no network that was trained on this data; train some, or leave the option out"
        )
    return made


def _planned(task: Task, options: Asked) -> list[dict[str, Any]]:
    """Convolutional networks for each seed, and one of each other kind."""
    seeds = 1 if options.quick else options.seeds
    fits = [replace(task.fit, seed=seed) for seed in range(seeds)]
    fits += [replace(task.fit, kind=kind) for kind in task.others]
    return [{"net": f"{fit.kind} {fit.seed}", "kind": fit.kind, "seed": fit.seed, "fit": asdict(fit)} for fit in fits]


def _given(nets: Path, task: Task) -> list[dict[str, Any]]:
    """The networks of a folder that learnt this task."""
    if not nets.is_dir():
        raise InputError(f"{nets} is no folder; give the one that holds the networks' folders")
    found = []
    for folder in sorted(nets.iterdir()):
        if kind_of(folder) in TEXTS:
            card = read_card(folder)
            if card.corpus_fingerprint == task.fingerprint and card.metrics:
                seed = int(card.options.get("seed", 0))
                found.append({"net": folder.name, "kind": card.kind, "seed": seed, "weights": _digest(card)})
    return found


def _digest(card: Card) -> str:
    """Digest of a network's history, which separates two trainings under one name."""
    return hashlib.sha256(json.dumps(card.training, sort_keys=True).encode()).hexdigest()[:16]


def _network(options: Asked, task: Task, settings: dict[str, Any], here: Here) -> tuple[Any, Card]:
    if options.nets:
        return load(options.nets / settings["net"])
    folder = here.shared / "nets" / f"{task.name} {settings['net']}".replace(" ", "-")

    def tell(step: Step) -> None:
        here.show("training", int(1000 * step.done), 1000)

    trained = train(task.learnt, Fit(**settings["fit"]), folder, watch=tell)
    return trained.net, trained.card


def look(options: Asked, number: int, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Train a network where none is given, and align all its units."""
    task = _tasks(options.data, options.quick)[number]
    net, card = _network(options, task, settings, here)
    found = examine(net, card, task, task.finders())
    outcome = {
        "metrics": card.metrics,
        "depth": _layers(card),
        **found.numbers(),
        "probe": probe(net, card, task, found),
    }
    if isinstance(task.learnt, Classification):
        right, bayes = task.learnt.right(net), task.learnt.right_of_bayes()
        gain = ratio.of_values(right.astype(float) - bayes)
        outcome["beyond bayes"] = [float(gain.value), float(gain.low), float(gain.high)]
    if settings["seed"] == 0:
        outcome["views"] = views.of_network(settings["net"], found, as_model(net, card, settings["net"]), card, task)
    return outcome


def blank(options: Asked, number: int, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """The same of a network with fresh weights."""
    task = _tasks(options.data, options.quick)[number]
    _, card = _network(options, task, settings, here)
    return examine(untrained(card, task.sentences, 1000 + settings["untrained"]), card, task, task.finders()).numbers()


def _layers(card: Card) -> int:
    """Number of layers of a network."""
    match card.network:
        case VDCNNConfig(channels=channels):
            return len(channels)
        case ByteNetConfig(dilations=dilations):
            return len(dilations)
        case AttentiveConfig(encoder_dilations=dilations):
            return len(dilations)
        case SentenceConfig(layers=layers):
            return layers
    raise AssertionError(card.kind)


def networks(o: Outcomes) -> dict[str, Numbers]:
    """Scores of the networks, scores of the last layer beside untrained ones, and depth."""
    every = o.having("probe")
    names = sorted({name for one in every for name in one["metrics"] if name.startswith(("test", "majority", "naive"))})
    return {
        "Networks": {
            one.name: {
                "layers": one["depth"],
                **{name: one["metrics"].get(name, math.nan) for name in names},
                "beyond naive Bayes": one["beyond bayes"][0] if one.has("beyond bayes") else math.nan,
                "phrases, last layer": one["up"]["shares"][-1]["phrases"],
            }
            for one in every
        },
        "Mean scores of the last layer": {
            one.name: {s: one["up"]["scores"][s][-1] for s in SCORES} for one in o if one["up"]
        },
        "The same of what drives units down": {
            one.name: {s: one["down"]["scores"][s][-1] for s in SCORES} for one in o if one["down"]
        },
        "Selectivity by the number of aligned concepts": {one.name: one["aligned"] for one in o},
        "The best unit for forms of texts, AUROC on held-out texts": {one.name: one["forms"] for one in o},
        "Units per concept, last layer": {
            f"{one.name}: {what}": row for one in o for what, row in one["emergence"].items() if isinstance(row, dict)
        },
    }


def layers(o: Outcomes) -> list[View]:
    """Shares of phrases and of units whose concept is found again, layer by layer."""
    made: list[View] = []
    for task, own in o.by("task").items():
        depth = max(len(one["layers"]) for one in own)
        x = [float(layer) for layer in range(depth)]

        def of(number: Callable[[Found], Sequence[float]], own: Outcomes = own, depth: int = depth) -> list[Series]:
            rows = [(one.name, list(number(one))) for one in own if one["up"]]
            return [Series(name, row + [math.nan] * (depth - len(row))) for name, row in rows]

        found = of(lambda one: one["up"]["found held out"])
        phrases = of(lambda one: [share["phrases"] for share in one["up"]["shares"]])
        held = of(lambda one: one["up"]["scores"]["AUROC held out"])
        note = "Mann–Whitney, false discovery rate 5 % over the units of a layer"
        title = f"{task}: units whose concept is found again on held-out texts"
        made += [
            Lines(title, x, found, "layer", "share of units", note),
            Lines(f"{task}: phrases among the aligned concepts", x, phrases, "layer", "share of concepts"),
            Lines(f"{task}: AUROC on held-out texts", x, held, "layer", "mean over units"),
        ]
    return made


STUDY = Study(
    name="cnn-units",
    paper="Na, Choe, Lee & Kim 2019 (arXiv 1902.07249)",
    text="""Do the concepts of single units name what a network learnt, or what anybody would?

Every unit of convolutional networks that classify texts or translate is aligned with the morphemes, words and phrases
that activate it most when they are repeated to the length of a text. Beside each score stand untrained networks of the
same architecture, concepts drawn at random, concepts shuffled over the texts, and held-out texts; an LSTM, a GRU and a
Transformer are treated alike. Nothing is concluded from a network below its baseline: naive Bayes on words for a
classifier, its own loss with a wrong source for a translator.""",
    runs=runs,
    parts=[
        Part("Networks", tables=networks),
        Part("Layers", views=layers),
        Part("Units and concepts", views=lambda o: o.views("views")),
    ],
    claims=[claim for task in NAMES for claim in of_one(task)],
    options=Asked,
)
