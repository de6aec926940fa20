"""Probing, layer by layer, with every control: does a probe's accuracy say what a layer knows?"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from unitscope.corpus.sentence import Sentence
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError
from unitscope.files.digest import digest_of
from unitscope.probing.amnesic import Amnesia, amnesia_view
from unitscope.probing.layers import Probing, probe_layers, untrained_twin
from unitscope.probing.linear import Penalty
from unitscope.studies import (
    Found,
    Here,
    Numbers,
    Options,
    Outcomes,
    Part,
    Run,
    Study,
    of_runs,
)
from unitscope.studies.library.probing.arithmetic import run_arithmetic
from unitscope.studies.library.probing.claims import ENCODER, LABELS, SOURCES, UNTRAINED, USE, WIDE, WORDS, of_source
from unitscope.studies.library.probing.pilot import run_codes, run_pilot
from unitscope.studies.library.probing.sources import Probed, encoder, find_encoder, word_model
from unitscope.studies.library.probing.trees import probe_trees
from unitscope.studies.library.probing.use import probe_use
from unitscope.views import Lines, Series, View

PENALTIES = (Penalty(l2=1e-3), Penalty(l2=1e-2))
NUMBERS = (
    "accuracy", "control", "selectivity", "majority", "shuffled", "twin_accuracy", "twin_selectivity", "macro_f1",
    "mcc", "information", "compression", "control_compression", "twin_compression",
)  # fmt: skip
"""Of a probe of one layer: on held-out documents; of a control task; of labels in random order; of the untrained model;
V-information in bits per word; uniform code over online code."""


@dataclass(frozen=True)
class Asked(Options):
    """Options of the study."""

    data: Path | None = field(default=None, metadata={"help": "folder with en_ewt-ud-train.conllu (UD English EWT)"})
    model: Path | None = field(
        default=None, metadata={"help": "folder of an encoder of Transformers; MiniLM of its package if not given"}
    )
    words: int = field(default=8000, metadata={"help": "training words of the probes"})
    epochs: int = field(default=6, metadata={"help": "of training the language model of words"})


@cache
def _sentences(path: Path, quick: bool) -> tuple[list[Sentence], list[Sentence]]:
    """Data of the language model of words, and of the probes: every other document."""
    found = read_treebank(path)
    if quick:
        found = found[:900]
    names = {name: number for number, name in enumerate(dict.fromkeys(s.document for s in found))}
    parts: tuple[list[Sentence], list[Sentence]] = ([], [])
    for sentence in found:
        parts[names[sentence.document] % 2].append(sentence)
    return parts


def runs(options: Asked) -> list[Run]:
    """Layers, trees and use for each model and seed; an untrained encoder; sums."""
    path = (options.data or Path()) / "en_ewt-ud-train.conllu"
    if not path.exists():
        raise InputError(f"{path} does not exist; give --data with the folder of UD English EWT")
    text = digest_of(path)
    quick, seeds = options.quick, 1 if options.quick else options.seeds
    words = 200 if quick else options.words
    labels = LABELS[:1] if quick else LABELS
    folder = find_encoder(options.model)
    common = {"words": words, "quick": quick}
    # A trained encoder is known by where it lies; its own files are what it is.
    given = {ENCODER: str(folder.name)} if folder else {}
    learnt = {WORDS: 1 if quick else options.epochs}
    made = []
    for name, how in [*given.items(), *learnt.items()]:
        for seed in range(seeds):
            for label in labels:
                settings = {"source": name, "of": how, "label": label, "seed": seed, **common}
                made.append(Run(f"{name} {label} {seed}", settings, partial(layers, options), fingerprint=text))
            settings = {"source": name, "of": how, "trees": 4 if quick else 30, "seed": seed, **common}
            made.append(Run(f"{name} trees {seed}", settings, partial(trees, options), fingerprint=text))
            if name == WORDS:
                settings = {"source": name, "of": how, "use": 30 if quick else 150, "seed": seed, **common}
                made.append(Run(f"{name} use {seed}", settings, partial(use, options), fingerprint=text))
    for seed in range(seeds):
        pilot = {"seed": seed, "words": 800 if quick else 60_000, "wide": 64 if quick else WIDE,
                 "epochs": 3 if quick else 12, "quick": quick}  # fmt: skip
        made.append(Run(f"untrained encoder {seed}", pilot, partial(untrained, options), fingerprint=text))
        sums = {"seed": seed, "count": 20 if quick else 2000, "epochs": 2 if quick else 14}
        made.append(Run(f"sums {seed}", sums, arithmetic))
    return made


def _probed(options: Asked, settings: dict[str, Any], here: Here) -> tuple[Probed, float]:
    """A model over the sentences that are probed, and its loss there; NaN for one that predicts no next word."""
    learnt, read = _sentences((options.data or Path()) / "en_ewt-ud-train.conllu", settings["quick"])
    if settings["source"] == ENCODER:
        folder = find_encoder(options.model)
        assert folder is not None
        return encoder(folder, read), math.nan
    return word_model(learnt, read, here.shared / "nets", settings["of"], 24 if settings["quick"] else 128)


def layers(options: Asked, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Every layer for one label and one seed: of the division, the control task and the untrained model."""
    probed, loss = _probed(options, settings, here)
    source, seed = probed.source, settings["seed"]
    how = Probing(
        (settings["label"],), tuple(probed.layers.values()), words=settings["words"], penalties=PENALTIES, seed=seed
    )
    corpus: Any = source.corpus
    twin = untrained_twin(source.model, corpus, source, seed)
    table = probe_layers(source, corpus, how, twin, here.show)
    names = {site: name for name, site in probed.layers.items()}
    found = {}
    for row in table.rows:
        codes = {
            "compression": row.compression,
            "control_compression": row.uniform / row.control_codelength,
            "twin_compression": row.uniform / row.twin_codelength,
        }
        numbers = {**asdict(row), **codes}
        found[names[row.site]] = {name: numbers[name] for name in NUMBERS}
    return {"loss": loss, "layers": {name: found[name] for name in probed.layers}}


def trees(options: Asked, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Relations, heads, distances and depths, layer by layer."""
    probed, _ = _probed(options, settings, here)
    return {"trees found": probe_trees(probed, settings["words"], settings["trees"], settings["seed"])}


def use(options: Asked, settings: dict[str, Any], here: Here) -> dict[str, Any]:
    """Loss of the model without the directions that a probe reads."""
    probed, _ = _probed(options, settings, here)
    return {"used": probe_use(probed, settings["words"], settings["use"], settings["seed"])}


def untrained(options: Asked, settings: dict[str, Any], _: Here) -> dict[str, Any]:
    """Probes and codes of an encoder that knows nothing."""
    learnt, read = _sentences((options.data or Path()) / "en_ewt-ud-train.conllu", settings["quick"])
    words, seed = settings["words"], settings["seed"]
    return {
        "pilot": run_pilot(learnt, read, words, settings["wide"], settings["epochs"], seed),
        "codes": run_codes([*learnt, *read], words, seed),
    }


def arithmetic(settings: dict[str, Any], _: Here) -> dict[str, Any]:
    """Diagnostic regressions of a GRU that evaluates bracketed sums."""
    return {"sums": run_arithmetic(settings["count"], settings["epochs"], settings["seed"])}


def layer_tables(o: Outcomes) -> dict[str, Numbers]:
    """For each model and label a row per layer: means over seeds with their intervals."""
    found: dict[str, Numbers] = {}
    for (source, label), own in _by(o):
        names = own[0]["layers"]
        found[f"{source}, {label}"] = {
            layer: {number: str(of_runs([one["layers"][layer][number] for one in own])) for number in NUMBERS}
            for layer in names
        }
    return found


def _by(o: Outcomes) -> list[tuple[tuple[str, str], Sequence[Found]]]:
    every = o.having("layers")
    kinds = dict.fromkeys((one["source"], one["label"]) for one in every)
    return [((s, la), every.where(source=s, label=la).found) for s, la in kinds]


def layer_views(o: Outcomes) -> list[View]:
    """Accuracies, compressions and selectivities layer by layer, with intervals over seeds."""
    kinds = (
        ("share of words", ("accuracy", "control", "twin_accuracy", "majority", "shuffled")),
        ("uniform code / online code", ("compression", "control_compression", "twin_compression")),
        ("accuracy minus control", ("selectivity", "twin_selectivity")),
    )
    made: list[View] = []
    for (source, label), own in _by(o):
        names = list(own[0]["layers"])
        for ylabel, numbers in kinds:
            series = []
            for number in numbers:
                found = [of_runs([one["layers"][layer][number] for one in own]) for layer in names]
                ends = [f.low for f in found], [f.high for f in found]
                series.append(Series(number.replace("_", " "), [f.mean for f in found], *ends))
            what = "; ".join(f"{i} = {layer}" for i, layer in enumerate(names))
            x = [float(i) for i in range(len(names))]
            made.append(Lines(f"{source}, {label}: {numbers[0]}", x, series, "layer", ylabel, what))
    return made


def tree_tables(o: Outcomes) -> dict[str, Numbers]:
    """Layer by layer, means over seeds with their intervals."""
    found: dict[str, Numbers] = {}
    for source, own in o.having("trees found").by("source").items():
        rows = own.found[0]["trees found"]
        found[source] = {
            layer: {n: str(of_runs([one["trees found"][layer][n] for one in own])) for n in numbers}
            for layer, numbers in rows.items()
        }
    return found


def use_views(o: Outcomes) -> list[View]:
    """Every erasure of every layer, of the first seed."""
    own = o.having("used")
    if not len(own):
        return []
    used = own.found[0]["used"]
    return [amnesia_view([Amnesia(**row) for row in f["rows"]], f"{WORDS}, {layer}") for layer, f in used.items()]


def rest(o: Outcomes) -> dict[str, Numbers]:
    """Remaining accuracy of a fresh probe; the untrained encoder; sums."""
    found: dict[str, Numbers] = {}
    for one in o.having("used"):
        found[f"{one.name}: what a fresh probe still reads"] = {la: f["read"] for la, f in one["used"].items()}
    for one in o.having("pilot"):
        found[f"{one.name}: probes of xpos"] = {k: v for k, v in one["pilot"].items() if isinstance(v, dict)}
        found[f"{one.name}: online codes, kbit"] = {"": one["codes"]}
    for one in o.having("sums"):
        for kind in ("trained", "untrained"):
            found[f"{one.name}: {kind}"] = one["sums"][kind]
    return found


STUDY = Study(
    name="probing",
    paper="Hewitt & Liang 2019, Voita & Titov 2020, Hewitt & Manning 2019, Tenney et al. 2019 and Hupkes et al. 2018",
    text="""Does a probe's accuracy say what a layer knows?

Linear probes of parts of speech and of relations in each layer of a trained encoder (All-MiniLM-L6-v2) and of a
language model of words that is trained here on every other document of UD English EWT's training part; both are probed
on the other documents. Beside each number stand control tasks, untrained models, majorities, shuffled labels and
description lengths; then trees, and what the language model loses without what is read.""",
    runs=runs,
    parts=[
        Part("Layers", "Means over seeds of the division, the control task and the untrained model.",
             tables=layer_tables, views=layer_views),
        Part("Trees", tables=tree_tables),
        Part("Does the model use it?", "Parts of speech are erased from a layer at every step (INLP, one round), and "
             "the model goes on from what is left; beside it stand as many random directions and units, and the units "
             "that rankings put first.", views=use_views),
        Part("An encoder that knows nothing, and sums", "Hashed n-grams of characters through a bidirectional LSTM "
             "that was never trained: what is read here, the probe has learnt.", tables=rest),
    ],
    claims=[*(claim for source in SOURCES for claim in of_source(source)), *USE, *UNTRAINED],
    options=Asked,
)  # fmt: skip
