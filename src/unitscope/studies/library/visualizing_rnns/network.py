"""The runs of the study: n-grams, one network, all networks together, and one that learns."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unitscope import labels as library
from unitscope.asking import Question
from unitscope.asking.emergence import emergence
from unitscope.corpus.text import TextCorpus
from unitscope.evidence import ratio
from unitscope.interventions.drivers import drivers, raised
from unitscope.models.module import ModuleModel
from unitscope.models.ngram import NGram
from unitscope.networks.card import load
from unitscope.networks.lessons.text import train
from unitscope.networks.training import Step
from unitscope.source.live import Live
from unitscope.studies.library.visualizing_rnns.causality import DISSOCIATIONS, costs
from unitscope.studies.library.visualizing_rnns.cells import EFFECT, Cells, cells, passage, states
from unitscope.studies.library.visualizing_rnns.closing import closing
from unitscope.studies.library.visualizing_rnns.contexts import dynamics, fixed_contexts, losses
from unitscope.studies.library.visualizing_rnns.error_sets import error_sets
from unitscope.studies.library.visualizing_rnns.exactness import recording_error
from unitscope.studies.library.visualizing_rnns.gains import gains
from unitscope.studies.library.visualizing_rnns.grid import Member, Plan
from unitscope.studies.library.visualizing_rnns.held_out import HeldOut, estimate, train_segments
from unitscope.studies.library.visualizing_rnns.model_map import apart, distances
from unitscope.studies.library.visualizing_rnns.onion import onion, word_counts
from unitscope.studies.library.visualizing_rnns.published import Reference
from unitscope.studies.library.visualizing_rnns.queries import queries
from unitscope.studies.library.visualizing_rnns.saturation import saturation
from unitscope.studies.library.visualizing_rnns.text import open_text, text_file
from unitscope.studies.study import Here, Options
from unitscope.views import Field, Table, View

SYMBOLS = ("\r", "\n", " ", "\t", '"', "{", "}")
"""On which every network is told."""
BRACES = 100
"""Closing brackets below which their distances are not looked at."""
EVERY = 3
"""Of so many sequences one is read: one of the three of each stretch of War and Peace's validation text."""
FOLLOWED = ("position-in-line", "inside-double-quotes", "inside-parentheses", "inside-python-string", "c-block-depth")
"""Labels whose emergence is looked at, where they mean something on the text."""
SHOWN = 6


@dataclass(frozen=True)
class Asked(Options):
    """Options of the study."""

    seeds: int = field(default=1, metadata={"help": "networks of each kind, trained from different first weights"})
    text: Path | None = field(
        default=None, metadata={"help": "file that the networks read, or warpeace or linux, which the paper read"}
    )
    grid: Path | None = field(
        default=None, metadata={"help": "folder of trained networks, where those that are missing are trained"}
    )
    cell: list[str] | None = field(default=None, metadata={"help": "lstm, rnn or gru; may be repeated"})
    layers: list[int] | None = field(
        default=None, metadata={"help": "recurrent layers; may be repeated; 1 and 2 if not given"}
    )
    row: list[int] | None = field(
        default=None, metadata={"help": "budget: 64, 128, 256 or 512; may be repeated; 64 and 128 if not given"}
    )
    protocol: list[str] | None = field(default=None, metadata={"help": "modern or paper; may be repeated"})
    epochs: int = field(default=10, metadata={"help": "of the modern protocol"})
    paper_epochs: int = field(default=50, metadata={"help": "of the paper's protocol"})
    context: int = field(default=20, metadata={"help": "characters of context of the longest n-gram"})
    phrase: str = field(
        default="", metadata={"help": "of the test text, for the match query; chosen from the text if not given"}
    )


@functools.lru_cache(1)
def _text(file: Path) -> tuple[TextCorpus, Reference | None]:
    return open_text(file)


@functools.lru_cache(1)
def _ngram(file: Path, context: int) -> NGram:
    corpus, _ = _text(file)
    return NGram.fit(train_segments(corpus), len(corpus.vocabulary), context)


def counts(options: Asked, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """The text, and how much n-grams lose on its test part; their scores of every character are kept."""
    file = text_file(options.text, options.quick)
    corpus, reference = _text(file)
    test = HeldOut.of(corpus, "test")
    scores = test.ngram_scores(_ngram(file, settings["context"]))
    here.show("n-grams", 1, 1)
    known = {}
    for n in sorted({*range(1, 10), settings["context"]} & set(range(len(scores)))):
        found = estimate(-scores[n])
        known[str(n)] = [found.mean, found.low, found.high]
    return {
        "text": reference.name if reference else file.name,
        "tokens": corpus.tokens,
        "symbols": len(corpus.vocabulary),
        "losses": known,
        "scores": scores,
    }


def labels_of(corpus: TextCorpus) -> tuple[str, ...]:
    """The labels that mean something on a text."""
    sample = "\n".join(corpus.text(number) for number in range(0, len(corpus), max(1, len(corpus) // 64)))
    return tuple(library.suggest(sample))


def _member(options: Asked, settings: dict[str, Any], here: Here) -> Member:
    """The network of these settings: given, trained before, or trained now."""
    file = text_file(options.text, options.quick)
    corpus, _ = _text(file)
    grid = options.grid or here.shared / "grid"
    folder = grid / settings["net"]
    if "nats" not in settings:  # not one of a given folder
        plan = Plan(settings["cell"], settings["layers"], settings["row"], settings["protocol"], seed=settings["seed"])

        def tell(step: Step) -> None:
            here.show("training", int(1000 * step.done), 1000)

        train(plan.options(file, corpus, grid, settings["epochs"]), tell)
    return Member(settings["net"], folder, load(folder)[1], settings["row"])


def look(options: Asked, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Everything of one network: loss, gates, errors, and what its units stand for."""
    member = _member(options, settings, here)
    corpus, _ = _text(text_file(options.text, options.quick))
    net = load(member.folder)[0]
    model = ModuleModel(net, name=member.name)
    test = HeldOut.of(corpus, "test")
    scores, ngrams = test.scores(net), here.needs["n-grams"]["scores"]
    loss = estimate(-scores)
    outcome: dict[str, Any] = {
        "nats": [loss.mean, loss.low, loss.high],
        "width": member.card.network.units,
        "weights": member.size,
        "validation": member.validation,
        "history": [float(entry["validation"]) for entry in member.history],
        "recording error": recording_error(model, corpus.part("test")),
        **_gates(model, corpus.part("test")),
    }
    views: dict[str, list[View]] = {"gates": outcome.pop("pictures", [])}
    found, views["errors"] = _errors(test, member.name, scores, ngrams, corpus)
    outcome |= found
    found, views["cells"] = _units(options, model, corpus, here)
    return {**outcome, **found, "views": views if settings["seed"] == 1 else {}}


def _gates(model: ModuleModel, corpus: TextCorpus) -> dict[str, Any]:
    found = saturation(model, corpus)
    if not found.gates:
        return {}
    untrained = saturation(model.untrained(0), corpus, range(min(20, len(corpus))))
    ends = [float((left + right).max()) for layers in untrained.gates.values() for left, right in layers]
    sums = [float((left + right).max()) for layers in found.gates.values() for left, right in layers]
    layers = len(next(iter(found.gates.values())))
    return {
        "gates": {gate: [float(found.left(gate).max()), float(found.right(gate).max())] for gate in found.gates},
        "largest sum": max(sums),
        "untrained saturation": max(ends),
        "saturated by layer": [float(np.mean([found.by_layer(g)[n] for g in found.gates])) for n in range(layers)],
        "pictures": found.views(),
    }


def _errors(
    test: HeldOut, name: str, scores: np.ndarray, ngrams: np.ndarray, corpus: TextCorpus
) -> tuple[dict[str, Any], list[View]]:
    """Errors, what explains them, and where the network is ahead of the longest n-gram."""
    longest = f"{len(ngrams) - 1}-gram"
    sets = error_sets({name: scores, longest: ngrams[-1]})
    rate, overlap = sets.rates()[name], sets.jaccard(name, longest)
    peeled = onion(test, scores, ngrams, word_counts(train_segments(corpus), corpus.vocabulary))
    ahead = gains(test, scores, ngrams[-1])
    ids = test.vocabulary.ids
    told = {}
    for symbol in SYMBOLS:
        if symbol in ids and (test.targets == ids[symbol]).any():
            gain = ahead.of(symbol)
            told[symbol] = [gain.mean, gain.low, gain.high]
    outcome: dict[str, Any] = {
        "errors": [rate.mean, rate.low, rate.high],
        "overlap": [overlap.mean, overlap.low, overlap.high],
        "onion": {kind: [s.mean, s.low, s.high] for kind, s in peeled.shares().items()},
        "gains": told,
    }
    views = [*sets.views(), *ahead.views(name, longest), *peeled.views(name)]
    if {"{", "}"} <= set(ids) and int((test.targets == ids["}"]).sum()) >= BRACES:
        closed = closing(test, {name: scores, longest: ngrams[-1]})
        gain_of = closed.gain(name, longest)
        outcome["braces"] = {str(edge): g.mean for edge, g in zip(closed.edges, gain_of, strict=False)}
        views += closed.views(name, longest)
    return outcome, views


def _units(options: Asked, model: ModuleModel, corpus: TextCorpus, here: Here) -> tuple[dict[str, Any], list[View]]:
    """Labels of units, and the loss without two of them."""
    text = corpus.part("validation")
    search = Question(labels_of(text), tuple(states(model)))
    every = EVERY
    if options.quick:
        search = Question(FOLLOWED, tuple(states(model)), baselines=5, ablation_sequences=8)
        every = 4 * EVERY
    found = cells(model, text, search, range(0, len(text), every), here.folder / "answer", here.show)
    answer = found.findings
    units = {
        f.label: {
            "unit": f.address, "r": f.r, "untrained": f.untrained, "auc": f.scores["auroc"].value, "used": f.used,
            "confirmed": not f.failed(answer.question) and abs(f.r) >= EFFECT,
        }
        for f in sorted(answer.found, key=lambda f: (not f.failed(answer.question), abs(np.nan_to_num(f.r))))
    }  # fmt: skip
    outcome: dict[str, Any] = {
        "units": units,
        "interpretable": found.share(),
        "tests": answer.tests,
        "found elsewhere": sum(answer.controls.values()) if answer.controls else 0,
        "lost": _lost(model, corpus.part("test"), found, units),
    }
    return outcome, _gallery(model, corpus.part("test"), found)


def _lost(model: ModuleModel, test: TextCorpus, found: Cells, units: dict[str, Any]) -> dict[str, Any]:
    """The double dissociations that the text and the network have."""
    made: dict[str, Any] = {}
    for pair in DISSOCIATIONS:
        known = all(name in units and units[name]["confirmed"] for name in pair)
        if not known or not set(pair.values()) <= set(test.vocabulary.ids) or " and ".join(pair) in made:
            continue
        held = {name: units[name]["unit"] for name in pair}
        if len(set(held.values())) < 2:
            continue
        sequences = range(0, len(test), max(1, len(test) // 60))
        cost = costs(model, test, held, list(pair.values()), found.findings, sequences)
        made[" and ".join(pair)] = {
            **{name: {symbol: cost.of(name, symbol) for symbol in cost.symbols} for name in cost.units},
            "random": max(cost.most_by_chance(symbol) for symbol in cost.symbols),
        }
    return made


def _gallery(model: ModuleModel, test: TextCorpus, found: Cells) -> list[View]:
    """Text coloured by the clearest unit of each label, and by random ones that follow none."""
    shown: dict[str, str] = {}
    for one in sorted(found.findings.confirmed_findings(), key=lambda f: -abs(f.r)):
        if abs(one.r) >= EFFECT and len(shown) < SHOWN and one.address not in shown.values():
            shown.setdefault(one.label, one.address)
    views: list[View] = [passage(model, test, address, label) for label, address in shown.items()]
    return [*views, *(passage(model, test, address) for address in found.typical(2))]


def together(options: Asked, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """The map of models, whose errors are whose, and match queries in the best network."""
    corpus, _ = _text(text_file(options.text, options.quick))
    test = HeldOut.of(corpus, "test")
    grid = options.grid or here.shared / "grid"
    members = {name: load(grid / name)[0] for name in settings["all"]}
    kinds = {name: net.config.cell.upper() for name, net in members.items()}
    outcome: dict[str, Any] = {}
    views: list[View] = []
    if len(members) > 1:
        found = distances(test, members)
        views += found.views(kinds)
        is_rnn = [kind == "RNN" for kind in kinds.values()]
        if sum(is_rnn) >= 2 and len(is_rnn) - sum(is_rnn) >= 2:
            outcome["apart"] = vars(apart(found.disagreement, is_rnn))
    best = min(settings["all"], key=lambda name: here.needs[name]["nats"][0])
    model, text = ModuleModel(members[best], name=best), corpus.part("test")
    asked = FOLLOWED if options.quick else labels_of(text)
    made = queries(model, text, asked, settings["phrase"], here.folder)
    outcome["queries"] = {
        query.title: [query.shares[query.inside][0].mean, query.shares[query.inside][0].low,
                      query.shares[query.inside][0].high, query.shares[query.inside][1]]
        for query in made.values()
        if query and query.inside
    }  # fmt: skip
    views += [view for query in made.values() if query for view in query.views()]
    return {**outcome, "views": {"together": views}}


def fixed(options: Asked, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Networks of a fixed context, and what they lose."""
    corpus, _ = _text(text_file(options.text, options.quick))
    contexts, units, epochs = settings["contexts"], settings["units"], settings["epochs"]
    nets = fixed_contexts(corpus, here.shared / "n-NN", contexts, units, epochs, here.show)
    return {"n-NN": losses(HeldOut.of(corpus, "test"), nets), "contexts": contexts}


def learning(options: Asked, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Resemblance of a network while it learns, emergence of its units, their effects on the output, their drivers."""
    file = text_file(options.text, options.quick)
    corpus, _ = _text(file)
    folder = (options.grid or here.shared / "grid") / settings["of"]
    net, card = load(folder)
    snapshots = Member(settings["of"], folder, card, 0).snapshots()
    test, text = HeldOut.of(corpus, "test"), corpus.part("validation")
    outcome: dict[str, Any] = {}
    views: list[View] = []
    if len(snapshots) > 1:
        nets = {n: load(here.shared / "n-NN" / str(n), ("context",))[0] for n in here.needs["n-NN"]["contexts"]}
        found_early, views = dynamics(test, snapshots, _ngram(file, settings["context"]), nets)
        outcome |= found_early
        chosen = _spread(list(snapshots), 2 if options.quick else 7)
        followed = [name for name in FOLLOWED if name in labels_of(text)]
        checkpoints = {
            epoch: Live(ModuleModel(load(snapshots[epoch])[0], name=f"{settings['of']} after {epoch:g}"), text,
                        sequences=range(0, len(text), 4 * EVERY if options.quick else EVERY))
            for epoch in chosen
        }  # fmt: skip
        how = {"baselines": 0} if options.quick else {"baselines": 5}
        found = emergence(checkpoints, followed, here.show, units=states(ModuleModel(net)), controls=False, **how)
        outcome["emergence"] = {
            label: {"begins": found.begins(label), "used from": found.used_from(label)} for label in followed
        }
        middle = chosen[len(chosen) // 2]
        begun = [found.begins(label) for label in followed]
        by_the_middle = [time <= middle for time in begun if np.isfinite(time)]
        if by_the_middle:
            outcome["by the middle"] = _share(by_the_middle)
        views += found.views()
    outcome["circuits"], more = _circuits(ModuleModel(net, name=settings["of"]), net, text, here.needs[settings["of"]])
    ratios = [one["ratio"] for one in outcome["circuits"].values()]
    if ratios:
        least = float(min(ratios))
        outcome["driven"] = [least, least, least]
    return {**outcome, "views": {"learning": [*views, *more]}}


def _spread(times: Sequence[float], count: int) -> list[float]:
    return [times[at] for at in sorted({round(k) for k in np.linspace(0, len(times) - 1, count)})]


def _share(flags: Sequence[bool]) -> list[float]:
    return list(ratio.share(np.array(flags, float), np.ones(len(flags))))


def _circuits(
    model: ModuleModel, net: Any, text: TextCorpus, found: dict[str, Any]
) -> tuple[dict[str, Any], list[View]]:
    """Drivers of the confirmed units, and, for hidden values of the last layer, the symbols that they raise."""
    made: dict[str, Any] = {}
    views: list[View] = []
    symbols = [repr(symbol) for symbol in text.vocabulary.symbols]
    rows = []
    confirmed = [(name, unit) for name, unit in found["units"].items() if unit["confirmed"]]
    for label, unit in sorted(confirmed, key=lambda pair: -abs(pair[1]["r"]))[:SHOWN]:
        spread = list(range(0, len(text), max(1, len(text) // 16)))
        driven = drivers(model, text, unit["unit"], spread[::2], spread[1::2])
        site, _, number = unit["unit"].rpartition("/")
        made[label] = {"unit": unit["unit"], "lost": driven.lost, "random": float(np.median(driven.random)),
                       "ratio": driven.ratio, "drivers": [driven.names[n] for n in driven.order[:5]]}  # fmt: skip
        views += driven.views()
        if site.split(".")[-2] == str(net.config.layers - 1):
            up, down = raised(net.readout, int(number), 1.0, symbols)
            rows.append([label, unit["unit"], *(", ".join(f"{s} {e:+.2f}" for s, e in ends) for ends in (up, down))])
    if rows:
        fields = [Field(name, "text") for name in ("label", "unit", "raises", "lowers")]
        note = (
            "logits by the readout alone, for a hidden value that is larger by 1; a cell acts through its output gate"
        )
        views.insert(0, Table("What found units raise and lower", fields, rows, note))
    return made, views
