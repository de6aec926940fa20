"""Natural-language concepts in single units: do they name what a network learnt, or what anybody would?"""

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

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
    exact,
    of_runs,
    reported,
)
from unitscope.studies.library.cnn_units import views
from unitscope.studies.library.cnn_units.examine import SCORES, as_model, examine, untrained
from unitscope.studies.library.cnn_units.probe import probe
from unitscope.studies.library.cnn_units.tasks import Task, tasks
from unitscope.views import Lines, Series, View

CONVOLUTIONAL = ("vdcnn", "bytenet", "attentive")
TEXTS = (*kinds("classes"), *kinds("translation"))
NAMES = ("questions", "encyclopedia", "translation", "made-up questions")
PAPER = Source("published, read", "Na et al. 2019 (arXiv 1902.07249, as submitted)")
REMEMBERED = Source("published, from memory", "Na et al. 2019, final version")
PILOT = Source("ours", "a pilot of another implementation, one seed, questions")
REACHED = ("AUROC held out", "inclusion*")
"""The scores that tell a trained network from an untrained one, where anything does."""


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
    """What tells two trainings under one name apart: their histories."""
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
    """How many layers a network has."""
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


def weak(one: Found) -> str:
    """Why nothing is concluded from a network: it is below its baseline. Empty where it is not."""
    metrics = one["metrics"]
    if one.has("beyond bayes"):
        gain, _, high = one["beyond bayes"]
        return f"{one.name} is below naive Bayes by {-gain:.3f}" if high < 0 else ""
    times = metrics["test wrong source"] / metrics["test nats"]
    return f"{one.name} loses only × {times:.2f} with a wrong source" if times < 1.3 else ""


Number = Callable[[Found], float]


def score(name: str, layer: int = -1, side: str = "up") -> Number:
    """A mean over the units of a layer; NaN where the layer is rectified and has no such side."""
    return lambda one: one[side]["scores"][name][layer] if one[side] else math.nan


def of_task(task: str, number: Number, kind: tuple[str, ...] = CONVOLUTIONAL) -> Callable[[Outcomes], Value | None]:
    """A number of each trained network; nothing is concluded from those below their baseline."""

    def value(o: Outcomes) -> Value | None:
        own = o.where(task=task, kind=kind).having("probe")
        return of_runs([number(one) for one in own]).unless(_weak(own)) if len(own) else None

    return value


def beyond(
    task: str, number: Number, change: Callable[[float, float], float] = lambda own, other: own - other
) -> Callable[[Outcomes], Value | None]:
    """A number of each trained network against the mean of its untrained ones: over networks, or where there is one
    alone over the untrained ones, each of which it is set against.
    """

    def value(o: Outcomes) -> Value | None:
        own = o.where(task=task, kind=CONVOLUTIONAL)
        trained = own.having("probe")
        if not len(trained):
            return None
        blanks = {one["net"]: [number(b) for b in own.where(net=one["net"]).having("untrained")] for one in trained}
        note = "untrained " + ", ".join(f"{np.mean(values):.3f}" for values in blanks.values())
        if len(trained) == 1:
            one = trained.found[0]
            found = of_runs([change(number(one), other) for other in blanks[one["net"]]], f"{note}; one network")
        else:
            found = of_runs([change(number(one), float(np.mean(blanks[one["net"]]))) for one in trained], note)
        return found.unless(_weak(trained))

    return value


def _weak(own: Outcomes) -> str:
    return "; ".join(filter(None, map(weak, own)))


def ordered(one: Found) -> float:
    """Share of layers in which replicated concepts are above single ones, these above texts, these above random."""
    means = np.array([one["up"]["scores"][name] for name in ("replicate", "instance", "inclusion", "random")])
    return float((np.diff(means, axis=0) < 0).all(0).mean())


def rise(one: Found) -> float:
    """Of the share of phrases, from the first to the last layer."""
    shares = [share["phrases"] for share in one["up"]["shares"]]
    return float(shares[-1] - shares[0])


def apart(one: Found) -> float:
    """Aligned minus random concepts, replicated, in the layer where it is least."""
    own = one["up"]["scores"]
    return float(min(a - b for a, b in zip(own["replicate"], own["random concepts"], strict=True)))


def short(one: Found) -> float:
    """Morphemes and words among the concepts of the first layer."""
    share = one["up"]["shares"][0]
    return float(share["morpheme"] + share["word"])


def of_one(task: str) -> list[Claim]:
    """What is claimed of one task."""
    translates = task == "translation"

    def asked(id: str, says: str, source: Source, expected: str, value: Any, bar: Any) -> Claim:
        return Claim(f"{id}-{task}", f"{task}: {says}", source, expected, value, bar)

    def quality(o: Outcomes) -> Value | None:
        own = o.where(task=task, kind=CONVOLUTIONAL).having("probe")
        if not len(own):
            return None
        if translates:
            bleu = [one["metrics"].get("test bleu", math.nan) for one in own]
            return exact(bleu[0], f"{own.found[0].name}, one network") if len(bleu) == 1 else of_runs(bleu)
        each = "; ".join("{:+.3f} ({:+.3f} to {:+.3f})".format(*one["beyond bayes"]) for one in own)
        return of_runs([one["beyond bayes"][0] for one in own], f"by network, over texts: {each}")

    skill = [
        asked("quality", "BLEU of the translator on test_2016", OURS, "24.8 in a trial", quality, above(20))
        if translates
        else asked("quality", "accuracy is not below naive Bayes on words (difference, paired)", OURS, "about 0",
                   quality, above(-0.01)),
    ]  # fmt: skip
    if translates:
        times = of_task(task, lambda one: one["metrics"]["test wrong source"] / one["metrics"]["test nats"])
        skill.append(asked("source", "the loss with a wrong source, over that with the right one", OURS, "× 2.4",
                           lambda o: _exact(times(o)), above(2)))  # fmt: skip
    return [
        *skill,
        asked("order", "selectivity: replicate > one instance > inclusion > random (share of layers)", PAPER,
              "1: on all data sets", of_task(task, ordered), above(0.9)),
        asked("random", "aligned minus random concepts, replicated, least of the layers", PILOT, ".70 to 1.09",
              of_task(task, apart), above(0.5)),
        asked("replicate", "replicated concepts, trained minus untrained, last layer: the headline score tells nothing",
              PILOT, ".018", beyond(task, score("replicate")), between(-0.15, 0.15)),
        asked("inclusion", "inclusion without the top texts, trained over untrained, last layer", PILOT, "4.1",
              beyond(task, score("inclusion*"), lambda own, other: own / other), above(2)),
        asked("held-out", "AUROC on held-out texts, trained minus untrained, last layer", PILOT, ".25",
              beyond(task, score("AUROC held out")), above(0.1)),
        asked("down", "the same of what drives units down", OURS, "as for what drives up",
              beyond(task, score("AUROC held out", side="down")), above(0.1)),
        asked("depth", "the share of phrases rises from the first layer to the last", PAPER, "rises",
              of_task(task, rise), above(0.1)),
        asked("depth-untrained", "it rises by more than in untrained networks", PILOT, "+.40", beyond(task, rise),
              above(0)),
        asked("short", "morphemes and words among the concepts of the first layer (share)", PAPER, "most",
              of_task(task, short), above(0.75)),
        asked("several", "with ten concepts for each unit selectivity is lower than with one (ratio)", REMEMBERED,
              "falls with M", of_task(task, lambda one: one["aligned"]["10 concepts"] / one["aligned"]["1 concepts"]),
              below(1)),
        *(
            asked(f"form-{form}", f"a unit tells {form}, beyond words (AUROC on held-out texts, over untrained)", PAPER,
                  "units beyond natural language form", partial(_form, task, form), above(0.05))
            for form in ("numbers", "times", "questions", "negation")
        ),
        asked("loss", "units per concept go with the loss without the concept (Pearson, last layer)", REMEMBERED,
              ".492", of_task(task, lambda one: one["emergence"].get("DEL", {}).get("pearson", math.nan)), above(0)),
        asked("loss-untrained", "they do so more than in untrained networks", PILOT, "+.33",
              beyond(task, lambda one: one["emergence"].get("DEL", {}).get("pearson", math.nan)), above(0)),
        asked("frequency", "units per concept go with its frequency (Pearson, last layer)", REMEMBERED, ".732",
              of_task(task, lambda one: one["emergence"]["frequency"]["pearson"]), above(0)),
        asked("length", "correlation of a unit with the length of the text, median of the worst layer", PILOT,
              ".07 to .19; .39 to .84 where padding is counted",
              of_task(task, lambda one: max(one["correlation with length"])), below(0.25)),
        asked("padding", "padding to twice the length changes a degree of alignment by at most (of a unit's spread)",
              OURS, "0", _worst(task, "padding"), below(0.05)),
        asked("batches", "texts read one at a time or in batches differ by at most", OURS, "rounding",
              _worst(task, "batch"), below(1e-4)),
        asked("speed", "one pass over the bank against a loop over units, times as fast", OURS, "51 to 65",
              of_task(task, lambda one: one["probe"]["speed"]), above(10)),
        *(
            asked(f"others-{kind}", f"{kind}, treated alike: AUROC on held-out texts, last layer", OURS, ".74 to .78",
                  of_task(task, score("AUROC held out"), (kind,)), reported())
            for kind in ("lstm", "gru", "transformer")
        ),
    ]  # fmt: skip


def _form(task: str, form: str, o: Outcomes) -> Value | None:
    if not len(o.where(task=task).having(f"forms/{form}")):
        return None  # too few such texts
    return beyond(task, lambda one: one["forms"].get(form, math.nan))(o)


def _worst(task: str, what: str) -> Callable[[Outcomes], Value | None]:
    def value(o: Outcomes) -> Value | None:
        own = o.where(task=task).having("probe")
        return exact(max(one["probe"][what] for one in own), f"{len(own)} networks") if len(own) else None

    return value


def _exact(value: Value | None) -> Value | None:
    """Of one network, that network's own number."""
    return value if value is None or value.low == value.low else exact(value.mean, f"{value.note}; one network")


def networks(o: Outcomes) -> dict[str, Numbers]:
    """What the networks learnt, scores of the last layer beside untrained ones, and depth."""
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
