"""Natural-language concepts in single units: do they name what a network learnt, or what anybody would?

After Na, Choe, Lee & Kim 2019 (arXiv 1902.07249): every unit of convolutional networks that classify questions and
reviews or translate is aligned with the morphemes, words and phrases that activate it most when they are repeated to
the length of a sentence. Beside each score stand an untrained twin with the same architecture, concepts drawn at
random, concepts shuffled over the texts, and held-out sentences; an LSTM, a GRU and a Transformer are treated alike.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated

from torch import nn

from unitscope.banks.candidates import Finder
from unitscope.errors import InputError
from unitscope.networks.attentive import AttentiveConfig
from unitscope.networks.bytenet import ByteNetConfig
from unitscope.networks.card import Card as NetworkCard
from unitscope.networks.card import kind_of, load
from unitscope.networks.kinds import kinds
from unitscope.networks.lessons.texts import train
from unitscope.networks.sentence_nets import SentenceConfig
from unitscope.networks.vdcnn import VDCNNConfig
from unitscope.progress import Progress
from unitscope.studies.check import Check, write_results
from unitscope.studies.cnn_units.examine import Examined, as_model, examine, untrained
from unitscope.studies.cnn_units.kept import keep, keep_probe, kept, kept_probe
from unitscope.studies.cnn_units.page import Card, write_page
from unitscope.studies.cnn_units.probe import probe
from unitscope.studies.cnn_units.results import Network, checks_of, figures_of
from unitscope.studies.cnn_units.tasks import Task, tasks

NAME = "cnn-units"
OTHERS = ("lstm", "gru", "transformer")
CONVOLUTIONAL = ("vdcnn", "bytenet", "attentive")
TEXTS = (*kinds("classes"), *kinds("translation"))
Found = tuple[str, nn.Module, NetworkCard]
"""A network by its name."""


def run(
    out: Path,
    show: Progress,
    *,
    data: Annotated[
        Path | None, "folder with TREC.train.all, sentence_polarity/ or en-de/; without it, made-up questions"
    ] = None,
    trees: Annotated[Path | None, "folder of bracketed trees (*.ptb) that give the translator's phrases"] = None,
    nets: Annotated[
        Path | None,
        "folder of classifiers and translators that were trained before; without it, they are trained",
    ] = None,
    seeds: Annotated[int, "convolutional networks of each task"] = 3,
    quick: Annotated[bool, "small data and networks: shows that all of it runs, and nothing more"] = False,
) -> list[Check]:
    """Align the units of trained networks with concepts, and say which scores an untrained network reaches as well.

    What was found of a network is kept in the folder, so that a run that was stopped goes on. For example:
    `unitscope study cnn-units --data labelled --nets nets --out cnn-units`
    """
    networks: list[Network] = []
    depths: dict[str, list[tuple[int, str, float, float]]] = {}
    cards: dict[str, Card] = {}
    for task in tasks(data, trees, quick):
        given = _given(nets, task) if nets else _trained(out / "nets", task, 1 if quick else seeds, quick, show)
        if not given:
            continue
        finders = cache(task.finders)  # morphemes are learnt only where something is left to examine
        usual = max(_layers(card) for _, _, card in given)
        for done, (name, net, card) in enumerate(given):
            stage = f"{task.name}: aligning {len(given)} networks"
            show(stage, done, len(given))
            trained = _examined(out / "examined" / name, net, card, task, finders)
            score = card.metrics.get("test accuracy", float("nan"))
            if card.kind in CONVOLUTIONAL:
                depths.setdefault(task.name, []).append((_layers(card), name, score, trained.up.shares[-1]["phrases"]))
            if _layers(card) == usual or card.kind in OTHERS:
                blank = untrained(card, task.sentences, done)
                twin = _examined(out / "examined" / f"{name}-untrained", blank, card, task, finders)
                measured = _probed(out / "examined" / name, net, card, task, trained)
                networks.append(
                    Network(name, task.name, card.kind, task.published, card.metrics, trained, twin, measured)
                )
                cards.setdefault(task.name, (networks[-1], as_model(net, card, name), card, task))
            show(stage, done + 1, len(given))
    if not networks:
        raise InputError(f"{nets} holds no network that was trained on this data; train some, or leave --nets out")
    checks = checks_of(networks)
    kept_depths = {task: rows for task, rows in depths.items() if len({row[0] for row in rows}) > 1}
    figures = {"networks": figures_of(networks), "depth": kept_depths}
    write_results(out / "results.json", NAME, range(seeds), checks, figures)
    write_page(out / "index.html", (__doc__ or "").split("\n\n", 1)[1], checks, networks, kept_depths, cards)
    return checks


def _layers(card: NetworkCard) -> int:
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


def _given(nets: Path, task: Task) -> list[Found]:
    """The networks of a folder that learnt this task, convolutional ones first."""
    if not nets.is_dir():
        raise InputError(f"{nets} is no folder; give the one that holds the networks' folders")
    found = [(folder.name, *load(folder)) for folder in sorted(nets.iterdir()) if kind_of(folder) in TEXTS]
    own = [entry for entry in found if entry[2].corpus_fingerprint == task.fingerprint and entry[2].metrics]
    return sorted(own, key=lambda entry: (entry[2].kind in OTHERS, -_layers(entry[2]), entry[0]))


def _trained(folder: Path, task: Task, seeds: int, quick: bool, show: Progress) -> list[Found]:
    """Networks of our own: convolutional ones for each seed, and for a classification one of each other kind."""
    fits = [replace(task.fit, seed=seed) for seed in range(seeds)]
    if task.labels:
        fits += [replace(task.fit, kind=kind) for kind in (OTHERS[:1] if quick else OTHERS)]
    found = []
    for done, fit in enumerate(fits):
        name = f"{task.name.replace(' ', '-')}-{fit.kind}-{fit.seed}"
        stage = f"{task.name}: training {len(fits)} networks"

        def tell(progress: object, done: int = done, stage: str = stage) -> None:
            share = getattr(progress, "done", 0.0)
            show(stage, int(100 * (done + share)), 100 * len(fits))

        trained = train(task.learnt, fit, folder / name, watch=tell)
        found.append((name, trained.net, trained.card))
    return found


def _examined(
    folder: Path, net: nn.Module, card: NetworkCard, task: Task, finders: Callable[[], list[Finder]]
) -> Examined:
    """Found before, or found now and kept."""
    key = _key(net, card, task)
    found = kept(folder, key)
    if found is None:
        found = examine(net, card, task, finders(), 0, lambda: None)
        keep(folder, found, key)
    return found


def _probed(folder: Path, net: nn.Module, card: NetworkCard, task: Task, examined: Examined) -> dict[str, float]:
    """Measured before, or now."""
    key = _key(net, card, task)
    measured = kept_probe(folder, key)
    if measured is None:
        measured = probe(net, card, task, examined)
        keep_probe(folder, measured, key)
    return measured


def _key(net: nn.Module, card: NetworkCard, task: Task) -> str:
    return f"{as_model(net, card, task.name).fingerprint} {task.name} {len(task.sentences)} {len(task.held)}"
