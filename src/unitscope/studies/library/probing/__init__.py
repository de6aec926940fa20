"""Probing, layer by layer, with every control: does a probe's accuracy say what a layer knows?"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from unitscope.corpus.sentence import Sentence
from unitscope.corpus.treebank import read_treebank
from unitscope.errors import InputError
from unitscope.files.digest import digest_of
from unitscope.probing.amnesic import Amnesia, amnesia_view
from unitscope.probing.layers import Probing, probe_layers, untrained_twin
from unitscope.probing.linear import Penalty
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
    of_runs,
    reported,
)
from unitscope.studies.library.probing.arithmetic import run_arithmetic
from unitscope.studies.library.probing.pilot import run_codes, run_pilot
from unitscope.studies.library.probing.sources import Probed, encoder, find_encoder, word_model
from unitscope.studies.library.probing.trees import probe_trees
from unitscope.studies.library.probing.use import HELD, probe_use, summary
from unitscope.views import Lines, Series, View

ENCODER, WORDS = "encoder", "word LSTM"
SOURCES = (ENCODER, WORDS)
LABELS = ("upos", "deprel")
PENALTIES = (Penalty(l2=1e-3), Penalty(l2=1e-2))
WIDE = 512
"""Units of the wide probe of the untrained encoder."""
NUMBERS = (
    "accuracy", "control", "selectivity", "majority", "shuffled", "twin_accuracy", "twin_selectivity", "macro_f1",
    "mcc", "information", "compression", "control_compression", "twin_compression",
)  # fmt: skip
"""Of a probe of one layer: on held-out documents; of a control task; of labels in random order; of the untrained model;
V-information in bits per word; uniform code over online code."""
HEWITT = Source("published, read", "Hewitt & Liang 2019, tables 1 and 2 (ELMo on the Penn Treebank)")
VOITA = Source("published, read", "Voita & Titov 2020, tables 1 and 4 (ELMo on the Penn Treebank)")
MANNING = Source("published, read", "Hewitt & Manning 2019 (Penn Treebank), in a full transcription")
TENNEY = Source("published, from memory", "Tenney et al. 2019 (UD English EWT)")
PIPELINE = Source("published, from memory", "Tenney, Das & Pavlick 2019")
ELAZAR = Source("published, from memory", "Elazar et al. 2021 (BERT)")
HUPKES = Source("published, from memory", "Hupkes, Veldhoen & Zuidema 2018")


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
    """What the language model of words learns, and what probes are made of: every other document."""
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
    """What the model loses without what a probe reads."""
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


Rows = dict[str, dict[str, float]]


def of_layers(source: str, label: str, number: Callable[[Rows], float]) -> Callable[[Outcomes], Value | None]:
    """A number of the layers of each run: rows by layer, from the lexical one up."""

    def value(o: Outcomes) -> Value | None:
        own = o.where(source=source, label=label).having("layers")
        return of_runs([number(one["layers"]) for one in own]) if len(own) else None

    return value


def of_path(path: str, number: Callable[[Any], float], **settings: Any) -> Callable[[Outcomes], Value | None]:
    """A number of what each run found there."""

    def value(o: Outcomes) -> Value | None:
        own = (o.where(**settings) if settings else o).having(path)
        return of_runs([number(one[path]) for one in own]) if len(own) else None

    return value


def _least(rows: Rows, first: str, second: str, start: int = 1) -> float:
    """The difference of two numbers in the layer where it is least."""
    return min(row[first] - row[second] for row in list(rows.values())[start:])


def _best(rows: Rows, number: str) -> int:
    return int(np.argmax([row[number] for row in rows.values()]))


def _contextual(found: Rows, number: str) -> float:
    """The best of the layers above the lexical one."""
    rows = [row for name, row in found.items() if name != "linear chain"]
    return max(row[number] for row in rows[1:])


def of_source(source: str) -> list[Claim]:
    """What is claimed of one trained model."""

    def asked(id: str, says: str, whose: Source, expected: str, value: Any, bar: Any) -> Claim:
        return Claim(f"{id}-{source}", f"{source}: {says}", whose, expected, value, bar)

    def order(o: Outcomes) -> Value | None:
        both = [o.where(source=source, label=label).having("layers").all("layers") for label in LABELS]
        if not all(both):
            return None
        return of_runs([_best(d, "accuracy") - _best(u, "accuracy") for u, d in zip(*both, strict=False)])

    def above_chain(found: Rows) -> float:
        return _contextual(found, "UUAS") - found["linear chain"]["UUAS"]

    return [
        asked("shuffled", "a label in random order is learnt no better than the majority (most above it)", OURS, "0",
              of_layers(source, "upos", lambda rows: max(r["shuffled"] - r["majority"] for r in rows.values())),
              below(0.03)),
        *(
            claim
            for label in LABELS
            for claim in (
                asked(f"{label}-twin", f"{label} is read better than from the untrained model, in the layer where the "
                      "gain is least", HEWITT, "above 0: ELMo above Proj0",
                      of_layers(source, label, lambda rows: _least(rows, "accuracy", "twin_accuracy")), above(0)),
                asked(f"{label}-code", f"the code of {label} is shorter than that of its control task in every layer "
                      "(least difference of compressions)", VOITA, "59.8 against 10.9",
                      of_layers(source, label, lambda rows: _least(rows, "compression", "control_compression", 0)),
                      above(0)),
            )
        ),
        asked("selective", "every layer is more selective for upos than the untrained model's (least difference)",
              HEWITT, ".260 and .314 against .206",
              of_layers(source, "upos", lambda rows: _least(rows, "selectivity", "twin_selectivity")), above(0)),
        asked("rises", "the last layer is more selective for upos than the first above the embedding (difference)",
              HEWITT, "+.054",
              of_layers(source, "upos", lambda rows: [r["selectivity"] for r in rows.values()][-1]
                        - [r["selectivity"] for r in rows.values()][1]), above(0)),
        asked("order", "relations are read best in no lower layer than parts of speech (layers higher)", PIPELINE,
              "parts of speech early, dependencies later", order, above(-0.5)),
        asked("edges", "relations of edges are read better in context than from the embedding (micro-F1)", TENNEY,
              "+.136 (ELMo), +.152 (BERT)",
              of_path("trees found", lambda found: _contextual(found, "relations, micro-F1")
                      - next(iter(found.values()))["relations, micro-F1"], source=source), above(0.08)),
        asked("uuas", "distances in some layer find more of the tree than the order of the words (UUAS)", MANNING,
              ".770 (ELMo1) and .798 (BERT) against .489", of_path("trees found", above_chain, source=source),
              above(0)),
        asked("uuas-lexical", "… and more than those of the embedding", MANNING, ".770 against .268",
              of_path("trees found", lambda found: _contextual(found, "UUAS") - next(iter(found.values()))["UUAS"],
                      source=source), above(0)),
        asked("heads", "selectivity of a bilinear probe of heads, in the layer where it is largest", HEWITT, ".067",
              of_path("trees found", lambda found: _contextual(found, "heads, selectivity"), source=source),
              reported()),
    ]  # fmt: skip


def _used(layer: str, first: str, second: str) -> Callable[[Outcomes], Value | None]:
    """What one erasure costs more than the largest of three random ones, nats per word."""

    def difference(found: dict[str, Any]) -> float:
        cost = summary(found[layer])
        return cost[first] - cost[second]

    return of_path("used", difference)


USE = [
    claim
    for layer in ("layer 1", "layer 2")
    for claim in (
        Claim(f"erased-{layer}", f"{WORDS}, {layer}: erasing parts of speech costs more than as many random directions "
              "(nats per word)", ELAZAR, "above 0", _used(layer, "upos", "random directions"), above(0)),
        *(
            Claim(f"ranked-{how}-{count}-{layer}",
                  f"{WORDS}, {layer}: the {count} units ranked first by {how} cost more than {count} random ones "
                  "(nats per word)", OURS, "above 0", _used(layer, f"{count} by {how}", f"{count} at random"), above(0))
            for count in HELD
            for how in ("weights", "means")
        ),
    )
]  # fmt: skip


def _selectivity(first: str, second: str) -> Callable[[Outcomes], Value | None]:
    return of_path("pilot", lambda found: found[first]["selectivity"] - found[second]["selectivity"])


def _ceiling(found: dict[str, Any]) -> float:
    """The highest control accuracy, over what seen words and chance allow."""
    highest = max(row["control"] for row in found.values() if isinstance(row, dict))
    return float(highest - found["seen"] - (1 - found["seen"]) * found["largest class"])


def _state(found: dict[str, Any]) -> dict[str, float]:
    return next(row for name, row in found["trained"].items() if name.endswith("hidden"))


def _sums(number: Callable[[dict[str, float]], float]) -> Callable[[Outcomes], Value | None]:
    """Of the state of each GRU; nothing is concluded where one has not learnt to add."""

    def value(o: Outcomes) -> Value | None:
        own = o.having("sums")
        if not len(own):
            return None
        weak = [one.name for one in own if one["sums"]["test MSE"] > 0.1 * one["sums"]["test variance"]]
        found = of_runs([number(_state(one["sums"])) for one in own])
        return found.unless(f"{', '.join(weak)} did not learn to add" if weak else "")

    return value


def _wide(o: Outcomes) -> Value | None:
    """A linear probe of the untrained encoder against the wide one."""
    own = o.having("pilot")
    wide = [
        next(k for k in p if k.startswith("MLP-1") and k not in ("MLP-1 (10)", "MLP-1 (45)")) for p in own.all("pilot")
    ]
    pairs = zip(own.all("pilot"), wide, strict=True)
    return of_runs([p["linear"]["selectivity"] - p[w]["selectivity"] for p, w in pairs]) if len(own) else None


UNTRAINED = [
    Claim("pilot-linear", "untrained encoder: a linear probe is more selective than a wide MLP", HEWITT,
          ".206 against .016 (Proj0)", _wide, above(0.03)),
    Claim("pilot-45", "untrained encoder: an MLP of 45 units is less selective than a linear probe", HEWITT,
          ".166 against .330 (ELMo1)", _selectivity("MLP-1 (45)", "linear"), below(0)),
    Claim("pilot-10", "untrained encoder: an MLP of 10 units against one of 45 (selectivity)", HEWITT,
          ".301 against .166 (ELMo1)", _selectivity("MLP-1 (10)", "MLP-1 (45)"), above(0)),
    Claim("pilot-ceiling", "untrained encoder: no control accuracy is above the share of seen words, plus chance", OURS,
          "0 or less", of_path("pilot", _ceiling), below(1e-9)),
    Claim("codes-order", "untrained encoder: the code of xpos is shorter than that of its control (share saved)", VOITA,
          ".44 (layer 0)", of_path("codes", lambda c: 1 - c["xpos"] / c["control"]), above(0.2)),
    Claim("codes-control", "untrained encoder: the code of the control is shorter than the uniform (share saved)",
          VOITA, "above 0", of_path("codes", lambda c: 1 - c["control"] / c["uniform"]), above(0.2)),
    Claim("codes-random", "untrained encoder: labels drawn anew for every word cost their entropy (ratio)", OURS, "1",
          of_path("codes", lambda c: c["random"] / c["entropy"]), above(0.98)),
    Claim("sums-learnt", "a GRU learns to evaluate bracketed sums (squared error over the variance of the values)",
          OURS, "below .1", of_path("sums", lambda found: found["test MSE"] / found["test variance"]), below(0.1)),
    Claim("sums-cumulative", "its state holds the cumulative result better than the recursive one (explained variance)",
          HUPKES, "cumulative better", _sums(lambda s: s["cumulative R²"] - s["recursive R²"]), above(0)),
    Claim("sums-mode", "its state says whether the next number is subtracted (accuracy over the majority)", HUPKES,
          "above 0", _sums(lambda s: s["mode"] - s["mode, majority"]), above(0)),
]  # fmt: skip


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
    """What a fresh probe still reads; the untrained encoder; sums."""
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
